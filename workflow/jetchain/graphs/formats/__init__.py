"""The formats of published jets: one file and one line each; what a format is says `JetFormat`."""

from jetchain.core.registry import Member, Registry

FORMATS = Registry(
    "jetchain.graphs.formats",
    "format of jets",
    {
        "top_tagging": Member("Top-tagging reference", "1902.09914", "top_tagging.TopTagging"),
        "quark_gluon": Member("Quark and gluon jets", "1810.05165", "quark_gluon.QuarkGluon"),
        "jetclass": Member("JetClass", "2202.03772", "jetclass.JetClass"),
        "jetclass2": Member("JetClass-II", "2405.12972", "jetclass.JetClass2"),
        "hls4ml": Member("hls4ml LHC jets", "1908.05318", "hls4ml.Hls4ml"),
        "nanoaod": Member("NanoAOD, AK4 jets", "", "nanoaod.SmallJets"),
        "nanoaod_ak8": Member("NanoAOD, AK8 jets", "", "nanoaod.LargeJets"),
        "nanoaod_v15": Member("NanoAOD 15, AK8 jets", "", "nanoaod.LargeJets15"),
        "physlite": Member("DAOD_PHYSLITE, small jets", "", "physlite.Physlite"),
    },
)
