# Scans of the search: windows, injected strengths, replicas and methods. What is common is made once:
# the events of the search with their features (make_dijets), and a point's data for all methods.
# A point that has no result does not stop the others (LAUNCH_POINT).

POINT = "scan/{scan}/{window}/mu{strength}/seed{replica}"
SCAN_WINDOW = "derived.windows.{window}"
SCAN_DRAW = ["scan", "{window}", "{strength}", "{replica}"]
SCAN_METHODS = [
    name
    for name in METHODS
    if any(name in scan.methods for scan in CONFIG.anomaly.scans.values())
]
SCAN_ABCD = [name for name in SCAN_METHODS if METHODS[name].background == "abcd"]
# Any other score can be cut on, also that of a reference.
SCAN_CUT = [name for name in SCAN_METHODS if name not in SCAN_ABCD]


rule inject_signal:
    input:
        pool_data="results/anomaly/data.safetensors",
        pool_truth="results/anomaly/truth.safetensors",
        pool_signal="results/anomaly/signal_test.safetensors",
        normalisation="results/background/normalisation.json",
    output:
        data=f"results/anomaly/{POINT}/data.safetensors",
        truth=f"results/anomaly/{POINT}/truth.safetensors",
        signal_test=f"results/anomaly/{POINT}/signal_test.safetensors",
        background_test=f"results/anomaly/{POINT}/background_test.safetensors",
        injection=f"results/anomaly/{POINT}/injection.json",
        scaled=f"results/anomaly/{POINT}/normalisation.json",
    log:
        f"results/logs/anomaly/{POINT}/injection.log",
    params:
        **job(
            "anomaly.scan.inject",
            settings={
                "signal_region": SCAN_WINDOW,
                "home": "anomaly.signal_region",
                "share": "anomaly.scans.{scan}.share",
                "mass_shift": "anomaly.scans.{scan}.mass_shift",
            },
            # The same for all scans: shifted masses are those of the same events.
            seed=["anomaly.scan"],
        ),
    shell:
        LAUNCH


# Twin rules of draw_<method> and search_<method>, for the data of a point.
for name in SCAN_METHODS:
    method = METHODS[name]

    if method.template:

        rule:
            name:
                f"scan_draw_{name}"
            input:
                data=f"results/anomaly/{POINT}/data.safetensors",
            output:
                template=f"results/anomaly/{POINT}/{{method}}/template.safetensors",
                sideband_template=f"results/anomaly/{POINT}/{{method}}/sideband_template.safetensors",
                weights=f"results/anomaly/{POINT}/{{method}}/weights.safetensors",
                history=f"results/anomaly/{POINT}/{{method}}/history.csv",
            log:
                f"results/logs/anomaly/{POINT}/{{method}}/template.log",
            wildcard_constraints:
                method=name,
            params:
                **job(
                    "anomaly.search.template",
                    settings={
                        "signal_region": SCAN_WINDOW,
                        "mass_range": "background.sideband.spectrum.mass_range",
                        "template": "anomaly.methods.{method}.template",
                    },
                    seed=["background.{method}.template", *SCAN_DRAW],
                    members=["anomaly.methods.{method}"],
                ),
            shell:
                LAUNCH_POINT

    rule:
        name:
            f"scan_{name}"
        input:
            data=f"results/anomaly/{POINT}/data.safetensors",
            signal_test=f"results/anomaly/{POINT}/signal_test.safetensors",
            truth=(
                [f"results/anomaly/{POINT}/truth.safetensors"]
                if method.reference
                else []
            ),
            template=(
                [f"results/anomaly/{POINT}/{{method}}/template.safetensors"]
                if method.template
                else []
            ),
            background_test=[f"results/anomaly/{POINT}/background_test.safetensors"],
        output:
            scores=f"results/anomaly/{POINT}/{{method}}/scores.safetensors",
            signal_scores=f"results/anomaly/{POINT}/{{method}}/signal_scores.safetensors",
            background_scores=[
                f"results/anomaly/{POINT}/{{method}}/background_scores.safetensors"
            ],
            extras=[
                f"results/anomaly/{POINT}/{{method}}/{extra}"
                for extra in method.extras
                if extra != TREES_FILE
            ],
        log:
            f"results/logs/anomaly/{POINT}/{{method}}/search.log",
        wildcard_constraints:
            method=name,
        params:
            **job(
                "anomaly.search",
                settings=search_settings(name, SCAN_WINDOW),
                seed=[*(method.identity or ("anomaly.search", name)), *SCAN_DRAW],
                members=["anomaly.methods.{method}"],
            ),
        shell:
            LAUNCH_POINT


rule judge_scan:
    input:
        data=f"results/anomaly/{POINT}/data.safetensors",
        truth=f"results/anomaly/{POINT}/truth.safetensors",
        signal_test=f"results/anomaly/{POINT}/signal_test.safetensors",
        scores=f"results/anomaly/{POINT}/{{method}}/scores.safetensors",
        signal_scores=f"results/anomaly/{POINT}/{{method}}/signal_scores.safetensors",
        background_test=f"results/anomaly/{POINT}/background_test.safetensors",
        background_scores=f"results/anomaly/{POINT}/{{method}}/background_scores.safetensors",
    output:
        judgement=f"results/anomaly/{POINT}/{{method}}/judgement.json",
    log:
        f"results/logs/anomaly/{POINT}/{{method}}/judgement.log",
    params:
        **job(
            "anomaly.scan.judge",
            settings={
                "signal_region": SCAN_WINDOW,
                "background_efficiencies": "anomaly.scans.{scan}.background_efficiencies",
                "minimum_background": "anomaly.evaluation.minimum_background",
            },
        ),
    shell:
        LAUNCH_POINT


rule scan_spectrum:
    input:
        data=f"results/anomaly/{POINT}/data.safetensors",
        signal_test=f"results/anomaly/{POINT}/signal_test.safetensors",
        scores=f"results/anomaly/{POINT}/{{method}}/scores.safetensors",
        signal_scores=f"results/anomaly/{POINT}/{{method}}/signal_scores.safetensors",
        normalisation=f"results/anomaly/{POINT}/normalisation.json",
    output:
        fits=f"results/background/{POINT}/{{method}}/fits.json",
        spectra=f"results/background/{POINT}/{{method}}/spectra.csv",
        yields=f"results/background/{POINT}/{{method}}/yields.json",
    log:
        f"results/logs/background/{POINT}/{{method}}.log",
    wildcard_constraints:
        method=one_of(SCAN_CUT),
    params:
        **job(
            "background.sideband",
            settings={
                "signal_region": SCAN_WINDOW,
                "spectrum": "background.sideband.spectrum",
                "efficiency": "background.sideband.efficiency",
            },
            seed=["background.sideband", *SCAN_DRAW],
        ),
    shell:
        LAUNCH_POINT


rule scan_inclusive:
    input:
        data=f"results/anomaly/{POINT}/data.safetensors",
        signal_test=f"results/anomaly/{POINT}/signal_test.safetensors",
        normalisation=f"results/anomaly/{POINT}/normalisation.json",
    output:
        fits=f"results/background/{POINT}/inclusive/fits.json",
        spectra=f"results/background/{POINT}/inclusive/spectra.csv",
        yields=f"results/background/{POINT}/inclusive/yields.json",
    log:
        f"results/logs/background/{POINT}/inclusive.log",
    params:
        **job(
            "background.sideband.inclusive",
            settings={
                "signal_region": SCAN_WINDOW,
                "spectrum": "background.sideband.spectrum",
            },
            seed=["background.sideband", *SCAN_DRAW],
        ),
    shell:
        LAUNCH_POINT


rule scan_abcd:
    input:
        data=f"results/anomaly/{POINT}/data.safetensors",
        signal_test=f"results/anomaly/{POINT}/signal_test.safetensors",
        planes=f"results/anomaly/{POINT}/{{method}}/planes.safetensors",
        signal_planes=f"results/anomaly/{POINT}/{{method}}/signal_planes.safetensors",
        normalisation=f"results/anomaly/{POINT}/normalisation.json",
    output:
        yields=f"results/background/{POINT}/{{method}}/yields.json",
    log:
        f"results/logs/background/{POINT}/{{method}}.log",
    wildcard_constraints:
        method=one_of(SCAN_ABCD),
    params:
        **job(
            "background.abcd.predict",
            settings={
                "signal_region": SCAN_WINDOW,
                "mass_range": "background.sideband.spectrum.mass_range",
                "efficiency": "background.abcd.efficiency",
            },
        ),
    shell:
        LAUNCH_POINT


rule measure_scan:
    input:
        yields=f"results/background/{POINT}/{{method}}/yields.json",
    output:
        measurement=f"results/inference/{POINT}/{{method}}/measurement.json",
    log:
        f"results/logs/inference/{POINT}/{{method}}.log",
    params:
        **job(
            "inference.measure",
            settings={
                "fit": "inference.fit",
                "level": "inference.limits.level",
                "workspace": "inference.workspace",
            },
            seed=["inference.fit", "{method}", *SCAN_DRAW],
        ),
    shell:
        LAUNCH_POINT


rule summarise_scan:
    input:
        injections=points_of(f"results/anomaly/{POINT}/injection.json"),
        judgements=points_of(
            f"results/anomaly/{POINT}/{{method}}/judgement.json",
            methods=SCAN_METHODS or ["none"],
        ),
        measurements=points_of(f"results/inference/{POINT}/{{method}}/measurement.json"),
    output:
        points="results/anomaly/scan/{scan}/points.csv",
        summary="results/anomaly/scan/{scan}/summary.json",
    log:
        "results/logs/anomaly/scan/{scan}/summary.log",
    params:
        **job(
            "anomaly.scan_summary",
            settings={
                field: f"anomaly.scans.{{scan}}.{field}"
                for field in ("replicas", "share", "mass_shift")
            },
        ),
    shell:
        LAUNCH


TARGETS["anomaly"] += [
    path for name in CONFIG.anomaly.scanned for path in scan_results(name)
]
