#!/bin/bash
# `make test-slurm`: the tiny run on a real Slurm, which this script sets up on one machine and takes
# down again. A job and the node's daemon are killed in the middle; the run has to finish by itself,
# with the same bytes as the local run in the folder that is named: tests/farm/slurm.sh .tiny
# As root on Debian or Ubuntu. KEEP=1 leaves the packages installed and the folder with the logs;
# TARGETS="..." makes a part of the run alone.
set -euo pipefail

LOCAL=$(realpath "${1:?name the folder of a finished local tiny run}")
HOUSE=$(realpath "$(dirname "$0")/../..")
SETTINGS=/etc/slurm/slurm.conf # the plugin hands no other place on to a job's steps
if [ -e "$SETTINGS" ]; then
  echo "test-slurm: there is a Slurm on this machine already ($SETTINGS); this test sets up its own." >&2
  exit 1
fi
WORK=$(mktemp -dt jetchain-slurm.XXXXXX)
HOST=$(hostname -s)
CORES=$(nproc)
INSTALLED=""
chmod 755 "$WORK"

say() { echo "test-slurm: $*"; }

fail() {
  say "$*" >&2
  tail -n 40 "$WORK"/*.log >&2 || true
  exit 1
}

clean() {
  # Only what was started here, by its process id.
  local name
  if [ -s "$WORK/snakemake.pid" ]; then kill -9 "$(cat "$WORK/snakemake.pid")" || true; fi
  scancel --user root || true
  sleep 3
  for name in slurmd slurmctld munge/munged; do
    if [ -s "$WORK/$name.pid" ]; then kill "$(cat "$WORK/$name.pid")" || true; fi
  done
  sleep 2
  if [ -L "$SETTINGS" ]; then rm "$SETTINGS"; fi
  if [ -n "${KEEP:-}" ]; then say "kept: $WORK"; return; fi
  rm -rf "$WORK"
  if [ -n "$INSTALLED" ]; then
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get purge -qq $INSTALLED > /dev/null || true
  fi
}
trap 'clean 2> /dev/null' EXIT

wait_for() { # SECONDS COMMAND...
  local left=$1
  shift
  until "$@" > /dev/null 2>&1; do
    left=$((left - 1))
    if [ "$left" -lt 0 ]; then fail "waited in vain for: $*"; fi
    if [ -s "$WORK/snakemake.pid" ] && ! kill -0 "$(cat "$WORK/snakemake.pid")" 2> /dev/null; then
      fail "the run ended too early"
    fi
    sleep 1
  done
}

install_slurm() {
  if command -v slurmctld munged > /dev/null; then return; fi
  say "installing slurm-wlm and munge"
  apt-get update -qq
  INSTALLED=$(apt-get install --simulate --no-install-recommends slurm-wlm munge |
    awk '/^Inst/ { print $2 }')
  # Their services stay off: the daemons here are our own.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq --no-install-recommends slurm-wlm munge > "$WORK/apt.log" 2>&1 ||
    fail "apt-get could not install Slurm"
}

start_munge() {
  mkdir "$WORK/munge"
  head -c 1024 /dev/urandom > "$WORK/munge/key"
  chown -R munge "$WORK/munge"
  chmod 755 "$WORK/munge"
  chmod 400 "$WORK/munge/key"
  runuser -u munge -- munged --key-file "$WORK/munge/key" --socket "$WORK/munge/socket" \
    --pid-file "$WORK/munge/munged.pid" --log-file "$WORK/munge/munged.log" \
    --seed-file "$WORK/munge/seed"
}

start_slurm() {
  local memory
  memory=$(awk '/MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
  mkdir -p "$(dirname "$SETTINGS")"
  ln -s "$WORK/slurm.conf" "$SETTINGS"
  cat > "$SETTINGS" << END
ClusterName=jetchain
SlurmctldHost=$HOST
SlurmUser=root
SlurmctldPort=26817
SlurmdPort=26818
AuthInfo=socket=$WORK/munge/socket
StateSaveLocation=$WORK/state
SlurmdSpoolDir=$WORK/spool
SlurmctldPidFile=$WORK/slurmctld.pid
SlurmdPidFile=$WORK/slurmd.pid
SlurmctldLogFile=$WORK/slurmctld.log
SlurmdLogFile=$WORK/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdTimeout=15
ReturnToService=2
NodeName=$HOST CPUs=$CORES RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$HOST Default=YES MaxTime=INFINITE State=UP
END
  mkdir "$WORK/state" "$WORK/spool"
  slurmctld
  slurmd
  wait_for 30 srun --time 1 true
}

artefacts() { find "$WORK/run/results/provenance/checksums" -name '*.json' 2> /dev/null | wc -l; }

# Each job of the run leaves one artefact at least.
part_is_done() {
  local jobs
  jobs=$(sed -n 's/^\([0-9]*\) jobs to run.*/\1/p' "$WORK/snakemake.log")
  [ -n "$jobs" ] && [ "$(artefacts)" -gt $((jobs * $1 / 100)) ]
}

running() { squeue --noheader --states RUNNING --format %i | head -n 1; }

one_runs() { [ -n "$(running)" ]; }

start_run() {
  mkdir "$WORK/run"
  cd "$HOUSE"
  # squeue, since there is no accounting.
  # shellcheck disable=SC2086
  snakemake ${TARGETS:-all} --profile profiles/slurm --configfile config/test.yaml \
    --directory "$WORK/run" --default-resources slurm_account=root slurm_partition=main \
    --jobs $((2 * CORES)) --latency-wait 10 --slurm-status-command squeue \
    --slurm-init-seconds-before-status-checks 5 > "$WORK/snakemake.log" 2>&1 &
  echo $! > "$WORK/snakemake.pid"
}

kill_a_job() {
  local job
  wait_for 120 one_runs
  job=$(running)
  say "killing job $job, after $(artefacts) artefacts"
  scancel --signal KILL --full "$job"
}

kill_the_daemon() {
  wait_for 120 one_runs
  say "killing the node's daemon, after $(artefacts) artefacts"
  kill -9 "$(cat "$WORK/slurmd.pid")"
  wait_for 120 sh -c "sinfo --noheader --format %T | grep -q down"
  say "the node is down; starting its daemon again"
  slurmd
}

[ "$(id -u)" = 0 ] || fail "Slurm's daemons have to be started as root"
install_slurm
start_munge
start_slurm
say "Slurm $(sinfo --version | cut -d' ' -f2) runs, with $CORES cores"
BEGAN=$(date +%s)
start_run
wait_for 1800 part_is_done 20
kill_a_job
wait_for 1800 part_is_done 60
kill_the_daemon
wait "$(cat "$WORK/snakemake.pid")" || fail "the run did not finish"
rm "$WORK/snakemake.pid"
say "finished after $(($(date +%s) - BEGAN)) s; $(grep -c 'Trying to restart' "$WORK/snakemake.log") jobs ran again"
grep -q "Trying to restart" "$WORK/snakemake.log" || fail "the killed job was not retried"
cd "$HOUSE"
python -m jetchain.provenance --directory "$LOCAL" verify \
  "$WORK/run/results/provenance/manifest.json" || fail "the results differ from the local run's"
