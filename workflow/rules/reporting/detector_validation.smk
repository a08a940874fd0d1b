# Figures and table of the detector's validation.


FIGURES |= {
    "detector/validation_response": Figure(
        "reporting.detector_validation.response",
        "Detector",
        {"figure": "Validation: response and resolution"},
        inputs=dict(response="results/detector/validation/response.json"),
    ),
    "detector/validation_profile": Figure(
        "reporting.detector_validation.profile",
        "Detector",
        {"figure": "Validation: shower profile"},
        inputs=dict(
            response="results/detector/validation/response.json",
            showers="results/detector/validation/showers.json",
        ),
    ),
    "detector/validation_pions": Figure(
        "reporting.detector_validation.pions",
        "Detector",
        {"figure": "Validation: COCOA's pions of 20 GeV"},
        inputs=dict(
            histograms="results/detector/validation/pions_histograms.json",
            pions="results/detector/validation/pions.json",
        ),
    ),
    "detector/validation_pi0": Figure(
        "reporting.detector_validation.pi0",
        "Detector",
        {"figure": "Validation: neutral pion mass"},
        inputs=dict(
            histograms="results/detector/validation/pi0_histograms.json",
            pi0="results/detector/validation/pi0.json",
        ),
    ),
    "detector/validation_tracks": Figure(
        "reporting.detector_validation.tracks",
        "Detector",
        {"figure": "Validation: track resolutions and pulls"},
        inputs=dict(tracks="results/detector/validation/tracks.json"),
    ),
    "detector/validation_efficiency": Figure(
        "reporting.detector_validation.efficiency",
        "Detector",
        {"figure": "Validation: tracking efficiency"},
        inputs=dict(tracks="results/detector/validation/tracks.json"),
    ),
    "detector/validation_clusters": Figure(
        "reporting.detector_validation.clusters",
        "Detector",
        {"figure": "Validation: cluster multiplicity and noise"},
        inputs=dict(
            response="results/detector/validation/response.json",
            noise="results/detector/validation/noise.json",
            histograms="results/detector/validation/noise_histograms.json",
        ),
    ),
    "detector/validation_met": Figure(
        "reporting.detector_validation.met",
        "Detector",
        {"figure": "Validation: missing energy"},
        inputs=dict(met="results/detector/validation/met.json"),
    ),
    "detector/validation_jets": Figure(
        "reporting.detector_validation.jets",
        "Detector",
        {"figure": "Validation: jet response"},
        inputs=dict(jets="results/detector/validation/jets.json"),
    ),
    "detector/validation": Figure(
        "reporting.detector_validation.table",
        "Detector",
        {"figure": "Validation: numbers beside published values"},
        inputs=dict(
            numbers=expand("results/detector/validation/{what}.json", what=VALIDATED)
        ),
        caption="validation_table",
        kind="table",
    ),
}
