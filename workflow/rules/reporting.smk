# Reporting: figures and tables from the rooms' result tables, one file a room.


include: "reporting/generate.smk"
include: "reporting/detector.smk"
include: "reporting/particleflow.smk"
include: "reporting/jets.smk"
include: "reporting/graphs.smk"
include: "reporting/tagging.smk"
include: "reporting/anomaly.smk"
include: "reporting/background.smk"
include: "reporting/inference.smk"
include: "reporting/firmware.smk"
