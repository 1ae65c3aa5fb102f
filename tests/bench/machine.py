"""The machine's own counters, and processes that are kept on one core.

Processor time is read per thread in nanoseconds from schedstat, memory from smaps_rollup. Nothing
here knows what is being measured.
"""

import os
import resource
import signal
import subprocess
import time

TARGET_CORE, OTHERS_CORE = 0, 1
HZ = os.sysconf("SC_CLK_TCK")


def raise_open_files():
    """Thousands of streams need as many descriptors; children inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def processor_model():
    with open("/proc/cpuinfo") as cpuinfo:
        for line in cpuinfo:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return os.uname().machine


def busy_seconds(core):
    """Seconds that a core has worked since the machine started, for whomever."""
    with open("/proc/stat") as stat:
        line = next(line for line in stat if line.startswith(f"cpu{core} "))
    user, nice, system, _, _, irq, softirq, *_ = map(int, line.split()[1:])
    return (user + nice + system + irq + softirq) / HZ


class Process:
    """A program on one core, in a session of its own so that it ends with its children."""

    def __init__(self, cmd, core, log, **pipes):
        others = os.sched_getaffinity(0)
        # Set on ourselves and inherited: a wrapper program would count as start time.
        os.sched_setaffinity(0, {core})
        try:
            self.started = time.perf_counter()
            self.popen = subprocess.Popen(
                cmd, stdin=subprocess.DEVNULL, start_new_session=True,
                **{"stdout": log, "stderr": log, **pipes})
        finally:
            os.sched_setaffinity(0, others)

    def running(self):
        return self.popen.poll() is None

    def tree(self):
        """Its process id and those of all its descendants."""
        children = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(pid))
        found, todo = [], [self.popen.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += children.get(pid, [])
        return found

    def cpu(self):
        """Nanoseconds on a core so far, for each thread of the tree."""
        threads = {}
        for pid in self.tree():
            try:
                for tid in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{tid}/schedstat") as schedstat:
                        threads[tid] = int(schedstat.read().split()[0])
            except OSError:
                continue
        return threads

    def memory(self):
        """(resident, anonymous) KiB of the tree."""
        resident = anonymous = 0
        for pid in self.tree():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as rollup:
                    fields = dict(line.split(":", 1) for line in rollup.readlines()[1:])
            except OSError:
                continue
            resident += int(fields["Rss"].split()[0])
            anonymous += int(fields["Anonymous"].split()[0])
        return resident, anonymous

    def stop(self):
        if self.running():
            os.killpg(self.popen.pid, signal.SIGTERM)
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()


def cpu_between(before, after):
    """Nanoseconds between two readings; a thread that ended meanwhile counts up to the first."""
    return sum(ns - before.get(tid, 0) for tid, ns in after.items())
