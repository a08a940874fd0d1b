"""Wrong lines of the rooms that a test on fixed inputs must notice."""

# name: file in the package, what stands there, what is put there, the test that must fail.
MUTATIONS = {
    # ------------------------------------------------------------------------------------ core
    "rejection at the signal's inefficiency": (
        "core/metrics.py",
        "working_points(tpr, efficiency)",
        "working_points(tpr, 1 - efficiency)",
        "core/test_metrics.py::test_gaussian_classes_have_the_closed_form_auc_and_rejection",
    ),
    "bootstrap's spread over the root of its replicas": (
        "core/metrics.py",
        "float(np.std(spread, ddof=1))",
        "float(np.std(spread, ddof=1) / np.sqrt(replicas))",
        "core/test_metrics.py::test_bootstrap_spread_of_a_mean_is_its_standard_error",
    ),
    "bootstrap's 68 % interval holds 90 %": (
        "core/metrics.py",
        "np.percentile(spread, [15.87, 84.13])",
        "np.percentile(spread, [5.0, 95.0])",
        "core/test_metrics.py::test_bootstrap_spread_of_a_mean_is_its_standard_error",
    ),
    "both tails of an efficiency's interval on either side": (
        "core/metrics.py",
        "tail = (1 - level) / 2",
        "tail = 1 - level",
        "core/test_metrics.py::test_binomial_interval_against_the_exact_one",
    ),
    "significance improvement over the background, not its root": (
        "core/metrics.py",
        "tpr[kept] / np.sqrt(fpr[kept])",
        "tpr[kept] / fpr[kept]",
        "anomaly/test_significance_improvement.py"
        "::test_cuts_with_too_little_background_are_not_quoted",
    ),
    # --------------------------------------------------------------------------------- tagging
    "signal and background swapped in the discriminant": (
        "tagging/scored.py",
        "(p_signal + tiny) / (",
        "(p_background + tiny) / (",
        "tagging/test_figures_of_merit.py::test_discriminant_by_hand",
    ),
    "rejection at 30 % quoted for 50 %": (
        "tagging/evaluate.py",
        '"rejection_50": 0.5',
        '"rejection_50": 0.3',
        "tagging/test_figures_of_merit.py::test_figures_of_merit_of_every_pair_equal_scikit_learn",
    ),
    "QCD without gluons": (
        "tagging/class_settings.py",
        'QCD = {"quark": 1.0, "gluon": 1.0}',
        'QCD = {"quark": 1.0}',
        "tagging/test_figures_of_merit.py::test_figures_of_merit_of_every_pair_equal_scikit_learn",
    ),
    "bands of the ROC curves hold 95 %": (
        "tagging/evaluate.py",
        "np.percentile(spread, [15.87, 84.13], axis=0)",
        "np.percentile(spread, [2.5, 97.5], axis=0)",
        "tagging/test_figures_of_merit.py::test_the_band_covers_the_true_curve",
    ),
    "taggers compared on other replicas": (
        "tagging/paired.py",
        "(spread[first] - spread[second]).std",
        "(spread[first] - spread[second][::-1]).std",
        "tagging/test_taggers_compared.py::test_a_lead_has_the_error_of_delong",
    ),
    "means and scales of the test jets too": (
        "tagging/dataset.py",
        'part["split"] == TAGGING_SPLITS.index("train")',
        'part["split"] >= TAGGING_SPLITS.index("train")',
        "tagging/test_tagging_features.py::test_standardisation_sees_the_training_split_only",
    ),
    "the two jets of an event split apart": (
        "tagging/features.py",
        'splits(sample, shard["event_number"], settings)',
        'splits(sample, 2 * shard["event_number"] + shard["jet_index"], settings)',
        "tagging/test_tagging_features.py::test_no_event_stands_in_two_splits",
    ),
    "energies relative to the jet's pT": (
        "tagging/features.py",
        "np.log(energy / jet_energy[jet_of[some]])",
        'np.log(energy / whole["pt"][jet_of[some]])',
        "tagging/test_tagging_features.py::test_features_by_hand",
    ),
    "early stopping of a tagger on test jets": (
        "tagging/train.py",
        'data.split("validation")',
        'data.split("test")',
        "tagging/test_tagging_training.py"
        "::test_training_and_early_stopping_see_their_own_split_only",
    ),
    # ---------------------------------------------------------------------------- particleflow
    "matching cone of the root of its radius": (
        "particleflow/matching.py",
        "distance2 <= max_distance**2",
        "distance2 <= max_distance",
        "particleflow/test_evaluate.py::test_matches_wrap_in_azimuth_and_end_at_the_limits",
    ),
    "efficiency of all true particles, in the acceptance or not": (
        "particleflow/evaluate.py",
        'true_counted[np.isin(true_counted["label"], labels)]',
        'truth[np.isin(truth["label"], labels)]',
        "particleflow/test_evaluate.py::test_only_particles_in_the_acceptance_are_counted",
    ),
    "fake rate of all reconstructed particles": (
        "particleflow/evaluate.py",
        'reco_counted[np.isin(reco_counted["label"], labels)]',
        'reco[np.isin(reco["label"], labels)]',
        "particleflow/test_evaluate.py::test_only_particles_in_the_acceptance_are_counted",
    ),
    "residuals of the other sign": (
        "particleflow/evaluate.py",
        '(found["reco_pt"] / found["pt"] - 1)',
        '(1 - found["reco_pt"] / found["pt"])',
        "particleflow/test_evaluate.py"
        "::test_residuals_are_positive_where_the_reconstructed_pt_is_larger",
    ),
    "cones of half the radius": (
        "particleflow/evaluate.py",
        "CONE = 0.8",
        "CONE = 0.4",
        "particleflow/test_evaluate.py::test_the_cone_ends_at_its_radius",
    ),
    "error of a median that of a mean": (
        "particleflow/evaluate.py",
        "1.2533 * sigma",
        "sigma",
        "particleflow/test_evaluate.py::test_errors_of_the_quantiles_are_their_spread",
    ),
    "targets by the share in a cluster, not the energy": (
        "particleflow/targets.py",
        'arrays["incidence_weight"][on_topo] * momentum[node[on_topo], 3]',
        'arrays["incidence_weight"][on_topo]',
        "particleflow/test_mlpf_targets.py"
        "::test_a_neutral_particle_goes_to_the_cluster_with_most_of_its_energy",
    ),
    "edges of all events of a batch in its first one": (
        "particleflow/batch.py",
        'arrays["edge_index"] + start',
        'arrays["edge_index"]',
        "particleflow/test_algorithms.py"
        "::test_batches_of_any_order_are_the_events_of_the_whole_files",
    ),
    # ---------------------------------------------------------------------------------- graphs
    "loops in the graphs": (
        "graphs/edges.py",
        "if not loops and point == query:",
        "if not loops and point < 0:",
        "graphs/test_edges.py::test_neighbour_edges_equal_brute_force_without_loops",
    ),
    "edges from the centre to its neighbours": (
        "graphs/edges.py",
        "np.stack([found[listed(found, number)], np.repeat(np.arange(len(points)), number)])",
        "np.stack([np.repeat(np.arange(len(points)), number), found[listed(found, number)]])",
        "graphs/test_edges.py::test_neighbour_edges_equal_brute_force_without_loops",
    ),
    "topoclusters speak to their neighbours": (
        "graphs/edges.py",
        "[joined, joined[::-1], among]",
        "[joined, joined[::-1], among[::-1]]",
        "graphs/test_edges.py::test_event_edges_equal_brute_force",
    ),
    "tracks reach as far as topoclusters": (
        "graphs/edges.py",
        "radius=track_radius",
        "radius=topo_radius",
        "graphs/test_edges.py::test_event_edges_equal_brute_force",
    ),
    "energy of a topocluster as its pT": (
        "graphs/nodes.py",
        '"pt": GEV * energy / np.cosh(eta),',
        '"pt": GEV * energy,',
        "graphs/test_nodes.py::test_features_of_a_muon_and_a_photon",
    ),
    "significance of d0 times its error": (
        "graphs/nodes.py",
        'track["d0"].astype(np.float64) / track["d0_err"]',
        'track["d0"].astype(np.float64) * track["d0_err"]',
        "graphs/test_nodes.py::test_features_of_a_muon_and_a_photon",
    ),
    # --------------------------------------------------------------------------------- anomaly
    "curve of signal over background": (
        "anomaly/evaluate.py",
        "efficiencies / np.sqrt(background)",
        "efficiencies / background",
        "anomaly/test_significance_improvement.py::test_two_gaussians_give_the_analytic_curve",
    ),
    "signal region without an upper edge": (
        "core/dijets.py",
        "return (region[0] <= m_jj) & (m_jj < region[1])",
        "return region[0] <= m_jj",
        "core/test_dijets.py::test_the_lower_edge_belongs_to_a_region_and_the_upper_one_does_not",
    ),
    "signal efficiency at 90 % background": (
        "anomaly/evaluate.py",
        "np.quantile(background, 1 - efficiency)",
        "np.quantile(background, efficiency)",
        "anomaly/test_significance_improvement.py"
        "::test_two_gaussians_have_their_efficiencies_at_fixed_background",
    ),
    "references trained on the events that they score": (
        "anomaly/methods/supervised.py",
        'chosen = in_region & (data["fold"] != fold)',
        "chosen = in_region",
        "anomaly/test_methods.py"
        "::test_references_are_trained_in_the_signal_region_and_on_the_other_folds",
    ),
    "outlier models fitted to the events that they score": (
        "anomaly/searched.py",
        'data["features"][data["fold"] != fold], derive_seed',
        'data["features"], derive_seed',
        "anomaly/test_methods.py::test_no_event_is_scored_by_an_outlier_model_that_saw_it",
    ),
    "tau12 for tau21": (
        "anomaly/features.py",
        'jet["tau2"] / (TAU_FLOOR + jet["tau1"])',
        'jet["tau1"] / (TAU_FLOOR + jet["tau2"])',
        "anomaly/test_dijet_features.py::test_features_of_two_back_to_back_jets",
    ),
    # ------------------------------------------------------------------------------ background
    "A and D swapped": (
        "background/abcd.py",
        "return self.b * self.c / self.d",
        "return self.b * self.c / self.a",
        "background/test_abcd.py::test_counts_and_contamination_by_hand",
    ),
    "kappa dropped": (
        "background/abcd.py",
        "background = kappa * found.prediction",
        "background = found.prediction",
        "background/test_abcd.py::test_kappa_is_interpolated_in_the_mass",
    ),
    "error of B C / D without D": (
        "background/abcd.py",
        "np.sqrt(1 / b + 1 / c + 1 / d)",
        "np.sqrt(1 / b + 1 / c)",
        "background/test_abcd.py::test_counts_and_contamination_by_hand",
    ),
    "a background that does not describe the data accepted": (
        "background/shape.py",
        "p_value >= settings.goodness and falls",
        "p_value >= 0 and falls",
        "background/test_shape_fit.py::test_a_rejected_model_is_used_nowhere",
    ),
    "sidebands include the signal region": (
        "core/dijets.py",
        "inside(m_jj, mass_range) & ~inside(m_jj, signal_region)",
        "inside(m_jj, mass_range)",
        "anomaly/test_cathode.py::test_no_flow_sees_the_signal_region_or_its_own_fold",
    ),
    "cut set on the signal region": (
        "background/selection.py",
        'cut_by_fold(scores, data["fold"], side, efficiency)',
        'cut_by_fold(scores, data["fold"], ~side, efficiency)',
        "background/test_cwola_search.py::test_the_cut_is_set_on_the_sidebands_alone",
    ),
    "spurious signal of richer backgrounds dropped": (
        "background/shape.py",
        "spurious = float(np.abs(hidden).max(initial=0.0))",
        "spurious = 0.0",
        "background/test_shape_fit.py::test_a_simple_model_is_charged_with_what_a_richer_one_finds",
    ),
    "template not scaled to the data": (
        "background/quality.py",
        "factor = len(data) / len(drawn)",
        "factor = 1.0",
        "background/test_quality.py::test_the_template_is_scaled_to_the_data",
    ),
    "signal yield without what the estimate absorbs": (
        "background/yields.py",
        "net = inside[:, index] - leakage",
        "net = inside[:, index] - 0 * leakage",
        "background/test_too_few.py::test_yields_of_the_four_regions_by_hand",
    ),
    "error of a signal yield that of one event": (
        "background/yields.py",
        "net.std() / np.sqrt(len(net))",
        "net.std()",
        "background/test_too_few.py::test_yields_of_the_four_regions_by_hand",
    ),
    "signal normalised without luminosity": (
        "background/normalisation.py",
        "reference_cross_section_fb=reference / (lumi * acceptance)",
        "reference_cross_section_fb=reference / acceptance",
        "background/test_abcd.py::test_luminosity_and_cross_sections",
    ),
    # ------------------------------------------------------------------------------- inference
    "limits times two": (
        "inference/limits.py",
        "limits = [root(0, (low, high))]",
        "limits = [2 * root(0, (low, high))]",
        "inference/test_inference.py::test_asymptotic_limit_of_a_counting_experiment",
    ),
    "visible cross-section without luminosity": (
        "inference/limits.py",
        "observed_mu * events / scale.luminosity",
        "observed_mu * events",
        "inference/test_inference.py::test_cls_at_the_limit_is_the_level",
    ),
    "-2 and 2 sigma of the expected band swapped": (
        "inference/limits.py",
        "np.array([[found, *band]], float)",
        "np.array([[found, *band[::-1]]], float)",
        "inference/test_inference.py::test_cls_at_the_limit_is_the_level",
    ),
    "2 sigma of the toys hold 90 %": (
        "inference/cls.py",
        "[0.02275, 0.15866, 0.5, 0.84134, 0.97725]",
        "[0.05, 0.15866, 0.5, 0.84134, 0.95]",
        "inference/test_toys.py::test_the_expected_band_holds_the_quantiles_of_the_background",
    ),
    "CLs+b of the toys for CLs": (
        "inference/cls.py",
        "cls = numerator / max(denominator, 1 / toys)",
        "cls = numerator",
        "inference/test_toys.py::test_cls_of_a_counting_experiment_is_a_ratio_of_poisson_sums",
    ),
    "uncertainty of the background halved": (
        "inference/workspace.py",
        '"data": [background_error]',
        '"data": [0.5 * background_error]',
        "inference/test_inference.py::test_significance_is_that_of_li_and_ma",
    ),
    "uncertainty of the luminosity doubled": (
        "inference/workspace.py",
        '{"hi": 1 + relative, "lo": 1 / (1 + relative)}',
        '{"hi": 1 + 2 * relative, "lo": 1 / (1 + 2 * relative)}',
        "inference/test_toys.py::test_test_statistic_equals_that_of_pyhf",
    ),
    "two-sided p-value for the significance": (
        "inference/fit.py",
        "float(norm.isf(p0))",
        "float(norm.isf(p0 / 2))",
        "inference/test_inference.py::test_significance_is_that_of_li_and_ma",
    ),
    # -------------------------------------------------------------------------------- firmware
    "half steps rounded down": (
        "firmware/quantise.py",
        "steps - floor >= 0.5",
        "steps - floor > 0.5",
        "firmware/test_firmware_quantise.py::test_quantiser_equals_rational_arithmetic",
    ),
    "latency one cycle late": (
        "firmware/latency.py",
        "return int(responses[0])",
        "return int(responses[0]) + 1",
        "firmware/test_firmware_simulation.py::test_latency_of_a_known_pipeline",
    ),
    "latency without its first cycle": (
        "firmware/report.py",
        "latency_ns=cycles * period",
        "latency_ns=(cycles - 1) * period",
        "firmware/test_firmware_report.py::test_report_of_known_results",
    ),
    "throughput judged by the latency": (
        "firmware/report.py",
        "keeps_up=interval * period <= settings.budget.bunch_spacing",
        "keeps_up=cycles * period <= settings.budget.bunch_spacing",
        "firmware/test_firmware_report.py::test_report_of_known_results",
    ),
    "LUTs of six inputs for adder bits": (
        "firmware/synthesise.py",
        'float(predicted["cost"])',
        'float(predicted["cost"]) / 6',
        "firmware/test_firmware_simulation.py::test_an_adder_costs_a_lut_a_bit",
    ),
    "accuracy dominated by the largest class": (
        "core/metrics.py",
        "np.mean(right / total)",
        "right.sum() / total.sum()",
        "firmware/test_firmware_dataset.py"
        "::test_balanced_accuracy_does_not_depend_on_how_many_jets_a_class_has",
    ),
    "early stopping of the trigger tagger on test jets": (
        "firmware/train.py",
        'np.flatnonzero(data["split"] == VALIDATION)',
        'np.flatnonzero(data["split"] == TEST)',
        "firmware/test_firmware_prune.py"
        "::test_training_and_early_stopping_see_their_own_split_only",
    ),
    "soft labels that fade with the temperature": (
        "firmware/train.py",
        "dim=1) * self.temperature**2",
        "dim=1)",
        "firmware/test_firmware_distil.py::test_the_loss_is_that_of_hinton",
    ),
    "signal that no trigger rejects": (
        "anomaly/trigger.py",
        "round(whole.reference_events * efficiency)",
        "round(whole.reference_events)",
        "anomaly/test_trigger.py::test_behind_a_trigger_a_cross_section_is_worth_fewer_events",
    ),
    # ------------------------------------------------------------------------------- reporting
    "closure without the fluctuation of its count": (
        "reporting/summary.py",
        "(relative**2 + 1 / counts.a) ** 0.5",
        "relative",
        "reporting/test_reporting_closure.py"
        "::test_both_predictions_of_the_signal_region_are_listed",
    ),
    "95 % band quoted as the 68 % band": (
        "reporting/summary.py",
        "found.expected_fb[1:4]",
        "found.expected_fb[::2]",
        "reporting/test_reporting_inference.py"
        "::test_the_summary_gives_the_68_percent_band_of_the_expected_limit",
    ),
}
