"""Keys of the configuration that decide which jobs there are, or which files a job reads."""

# What the points of a scan are made by.
POINTS = {
    "inject_signal", "judge_scan", "measure_scan", "scan_cwola", "scan_spectrum", "summarise_scan",
}  # fmt: skip

# What is made of one variation of the signal.
VARIED = {
    "collect_systematics", "count_varied", "count_varied_abcd", "count_varied_inclusive",
    "score_varied_cathode", "score_varied_cwola", "score_varied_disco", "vary_signal",
}  # fmt: skip

# Keys that shape the job graph: another value, and the rules whose jobs are new or read other
# files for it. What lies below reruns as always.
SHAPING = {
    "detector.simulation.pileup.mean": (
        2.0,
        {
            "figure_generated_accounts", "figure_generated_spectra", "generate_sample",
            "simulate_detector", "simulate_passing", "summarise_sample", "table_samples",
        },
    ),
    "detector.summary_samples": (
        ["pion_gun"],
        {
            "figure_detector_impact", "figure_detector_layers", "figure_detector_objects",
            "figure_detector_response",
        },
    ),
    "detector.validation.gun": ("pion_20", {"validate_response", "validate_tracks"}),
    "detector.validation.pions": ("particle_gun", {"validate_pions"}),
    "detector.validation.pi0": ("particle_gun", {"validate_pi0"}),
    "detector.validation.events": ("Hbb", {"validate_jets", "validate_met"}),
    "particleflow.algorithms": (
        ["parametric"],
        {
            "figure_pflow_angles", "figure_pflow_composition", "figure_pflow_efficiency",
            "figure_pflow_event", "figure_pflow_jets", "figure_pflow_residuals",
            "figure_pflow_resolution", "figure_pflow_response", "table_pflow_comparison",
            "table_pflow_jets_table",
        },
    ),
    "particleflow.calibration.samples": (["pion_gun", "top"], {"calibrate_particleflow"}),
    "particleflow.photon_calibration.samples": (["photon_gun", "top"], {"calibrate_photons"}),
    "particleflow.shower_calibration.samples": (
        ["shower_gun", "particle_gun"], {"calibrate_showers"},
    ),
    "particleflow.gun": ("pi0_gun", {"untrained_particleflow", "validate_particleflow"}),
    "jets.clustering.radii": ([1.2], {"figure_jet_closure"}),
    "generate.samples.quark.generation.variations": ("none", set()),
    "particleflow.mlpf.training.samples": (["top", "W"], {"event_graphs", "train_particleflow"}),
    "particleflow.mlpf.training.initial": (
        {"file": __file__, "checksum": f"sha256:{64 * '0'}"}, {"train_particleflow"},
    ),
    "particleflow.evaluation.samples": (["quark"],
        {"evaluate_particleflow", "evaluate_particleflow_jets", "figure_pflow_event"}),
    "jets.algorithm": (
        "mlpf",
        {
            "calibrate_jets", "close_jets", "cluster_jets", "cluster_uncalibrated",
            "display_detector", "display_graphs", "display_jets", "event_graphs",
            "figure_event_display", "figure_jet_closure", "figure_jet_comparison",
            "figure_jet_images", "figure_jet_mass", "figure_jet_response", "figure_jet_sampling",
            "figure_jet_substructure", "figure_jet_variations", "figure_overview",
            "figure_validation_status", "image_jets", "jet_graphs", "make_dijets",
            "measure_resonance", "prepare_firmware", "sample_jets",
            "summarise_jets", "summarise_run", "table_jet_closure_table",
            "table_jet_uncertainties", "table_validation", "tagging_features",
            "trained_particleflow", "vary_signal",
        },
    ),
    "jets.calibration.enabled": (
        False,
        {
            "cluster_jets", "collect_systematics", "figure_validation_status",
            "measure_resonance", "table_validation",
        },
    ),
    "jets.calibration.sample": ("quark", {"calibrate_jets", "close_jets", "cluster_uncalibrated"}),
    "jets.summary.samples": (
        ["quark", "gluon"], {"close_jets", "image_jets", "sample_jets", "summarise_jets"},
    ),
    "jets.display.samples": (
        ["W"], {"display_detector", "display_jets", "figure_event_display"},
    ),
    "graphs.display.sample": ("W", {"display_graphs", "event_graphs"}),
    "tagging.taggers": (
        ["pfn"],
        {
            "bin_taggers", "calibrate_taggers", "figure_overview", "figure_tagging_calibration",
            "figure_tagging_decorrelation", "figure_tagging_dependence_abs_eta",
            "figure_tagging_dependence_pt", "figure_tagging_history", "figure_tagging_rejections",
            "figure_tagging_roc", "figure_tagging_sculpting", "pair_taggers", "sculpt_taggers",
            "summarise_run", "table_tagging_comparison", "table_tagging_performance",
            "table_tagging_table",
        },
    ),
    "tagging.explained": (["pfn"], set()),
    "tagging.repetitions": (1, {"repeat_tagger", "table_tagging_table"}),
    "anomaly.background": (["lhco_background", "quark"], {"make_dijets", "normalise_search"}),
    "anomaly.signal": (
        ["lhco_signal", "W"],
        {"make_dijets", "measure_resonance", "normalise_search", "vary_signal"},
    ),
    "anomaly.searches": (
        ["supervised", "cwola", "cathode", "disco"],
        {"evaluate_anomaly"},
    ),
    # In its place the folders of a scan have their name.
    "anomaly.signal_region": ([3.3, 3.75], POINTS),
    "anomaly.scans.strength.windows": ([[3.3, 3.7], [3.8, 4.2]], POINTS),
    "anomaly.scans.strength.strengths": ([0.0, 1.0], POINTS),
    "anomaly.scans.strength.replicas": (2, POINTS),
    "anomaly.scans.strength.methods": (["cwola", "inclusive"],
        {"measure_scan", "scan_inclusive", "summarise_scan"}),
    "anomaly.scanned": ([], {"check_searches", "summarise_run"}),
    "background.bump_hunt.methods": (
        ["inclusive"], {"check_searches", "figure_bump_hunt", "hunt_bump"},
    ),
    "background.quality.closure": (True, {"check_searches", "close_template"}),
    "anomaly.systematics.jets": (["jes"], {"collect_systematics"}),
    "anomaly.systematics.algorithms": (
        ["mlpf"],
        VARIED
        | {
            "calibrate_jets", "cluster_jets", "cluster_uncalibrated", "event_graphs",
            "trained_particleflow",
        },
    ),
    "generate.samples.lhco_signal.generation.variations": ("shower", VARIED),
    "firmware.dataset.samples": (["quark", "gluon", "W", "top"], {"prepare_firmware"}),
}  # fmt: skip
