# Figures and table of the detector's validation.
VALIDATION_NUMBERS = [
    *expand("results/detector/validation/{what}.json", what=VALIDATED),
    "results/particleflow/response_comparison.json",
    *VALIDATED_GUNS,
    f"results/jets/{CONFIG.jets.algorithm}/sampling.json",
    *JET_CLOSURE,
    "results/anomaly/resonance.json",
    "results/tagging/kinematics.json",
]


FIGURES += [
    Figure(
        "detector/validation_response",
        "reporting.detector_validation.response",
        "Detector",
        {"figure": "Validation: response and resolution"},
        inputs=dict(response="results/detector/validation/response.json"),
    ),
    Figure(
        "detector/validation_profile",
        "reporting.detector_validation.profile",
        "Detector",
        {"figure": "Validation: shower profile"},
        inputs=dict(
            response="results/detector/validation/response.json",
            showers="results/detector/validation/showers.json",
        ),
    ),
    Figure(
        "detector/validation_pions",
        "reporting.detector_validation.pions",
        "Detector",
        {"figure": "Validation: COCOA's pions of 20 GeV"},
        inputs=dict(
            histograms="results/detector/validation/pions_histograms.json",
            pions="results/detector/validation/pions.json",
        ),
    ),
    Figure(
        "detector/validation_pi0",
        "reporting.detector_validation.pi0",
        "Detector",
        {"figure": "Validation: neutral pion mass"},
        inputs=dict(
            histograms="results/detector/validation/pi0_histograms.json",
            pi0="results/detector/validation/pi0.json",
        ),
    ),
    Figure(
        "detector/validation_tracks",
        "reporting.detector_validation.tracks",
        "Detector",
        {"figure": "Validation: track resolutions and pulls"},
        inputs=dict(tracks="results/detector/validation/tracks.json"),
    ),
    Figure(
        "detector/validation_efficiency",
        "reporting.detector_validation.efficiency",
        "Detector",
        {"figure": "Validation: tracking efficiency"},
        inputs=dict(tracks="results/detector/validation/tracks.json"),
    ),
    Figure(
        "detector/validation_clusters",
        "reporting.detector_validation.clusters",
        "Detector",
        {"figure": "Validation: cluster multiplicity and noise"},
        inputs=dict(
            response="results/detector/validation/response.json",
            noise="results/detector/validation/noise.json",
            histograms="results/detector/validation/noise_histograms.json",
        ),
    ),
    Figure(
        "detector/validation_met",
        "reporting.detector_validation.met",
        "Detector",
        {"figure": "Validation: missing energy"},
        inputs=dict(met="results/detector/validation/met.json"),
    ),
    Figure(
        "detector/validation_jets",
        "reporting.detector_validation.jets",
        "Detector",
        {"figure": "Validation: jet response"},
        inputs=dict(jets="results/detector/validation/jets.json"),
    ),
    Figure(
        "detector/validation_status",
        "reporting.validation_table.figure",
        "Detector",
        {"figure": "Validation: passed, failed, undecided"},
        inputs=dict(numbers=VALIDATION_NUMBERS),
    ),
    Table(
        "detector/validation",
        "reporting.validation_table.table",
        "Detector",
        {"figure": "Validation: numbers beside published values"},
        inputs=dict(numbers=VALIDATION_NUMBERS),
        caption="validation_table",
    ),
]
