"""Makes `.venv` from the hashed requirements, with progress. It runs on whatever python3 the machine has, before
anything is installed: the standard library alone, in the syntax of Python 3.7, so that it can say what is wrong."""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOG = ROOT / ".lab" / "install.log"
OLDEST, NEWEST = (3, 11), (3, 14)
AGAIN = "then run the same command again."
NO_PYTHON = (
    "Python 3.11 to 3.14 is needed, and python3 here is {}.{}. Install one (Debian 12, Ubuntu 24.04: "
    "`apt install python3 python3-venv`; macOS: `brew install python`), " + AGAIN
)
NO_VENV = "This Python lacks its venv module. Install it (Debian, Ubuntu: `apt install python3-venv`), " + AGAIN
DISK_FULL = "The disk is full. Make about 600 MB of room, " + AGAIN
OBSTACLES = (  # what pip says, and what the learner reads
    (r"No space left on device", DISK_FULL),
    (
        r"(?i)hashes.*do not match",
        "A package is not the one that was locked: its hash differs.",
    ),
    (r"CERTIFICATE_VERIFY_FAILED|SSLError", "The package index's certificate is not trusted. Set PIP_CERT, " + AGAIN),
    (
        r"ConnectionError|NameResolution|Temporary failure|TimeoutError|Timeout|Could not fetch URL|ProxyError",
        "The package index cannot be reached. Check the network (and pip's proxy settings), " + AGAIN,
    ),
    (
        r"No matching distribution",
        "A package has no build for this machine. The kit runs on Linux (x86-64, arm64) and macOS (arm64) "
        "with Python 3.11 to 3.14; on Windows use WSL2 or the dev container.",
    ),
)


def suitable_python():
    """A Python that the locked packages are built for; ends with a sentence when there is none."""
    for name in [sys.executable, "python3.13", "python3.12", "python3.11", "python3.14"]:
        with contextlib.suppress(OSError):
            question = [name, "-c", "import sys; print(*sys.version_info[:2])"]
            answer = subprocess.run(question, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
            if answer.returncode == 0 and OLDEST <= tuple(map(int, answer.stdout.split())) <= NEWEST:
                return name
    return sys.exit(NO_PYTHON.format(*sys.version_info[:2]))


def show(text):
    """One line that is written over on a terminal; nothing elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
        sys.stderr.flush()


def pip(arguments, total):
    """Run pip with a counter, all its words in the log. Ends with one sentence when it fails."""
    command = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        words = follow(process.stdout, total)
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    show("")
    if code:
        sys.exit(obstacle(words))


def follow(lines, total):
    """Copy pip's lines to the log, show how far it is, and return the last of them."""
    count, words = 0, []
    with LOG.open("a") as log:
        for line in lines:
            log.write(line)
            words = [*words[-60:], line]
            match = re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line)
            if match:
                count += 1
                show(f"  fetching {count} of {total}: {match.group(1)}")
            elif line.startswith("Installing collected"):
                show(f"  unpacking {total} packages ...")
    return words


def obstacle(words):
    for pattern, sentence in OBSTACLES:
        if re.search(pattern, "".join(words)):
            return sentence
    last = words[-1].strip() if words else "nothing"
    return f"pip could not install the packages. Its last words: {last} (all of them: {LOG})."


def make_venv():
    python = VENV / "bin" / "python"
    if python.exists():
        probe = subprocess.run([str(python), "-m", "pip", "--version"], stdout=subprocess.DEVNULL, check=False)
        if probe.returncode == 0:
            return
    shutil.rmtree(VENV, ignore_errors=True)
    command = [suitable_python(), "-m", "venv", str(VENV)]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        if "ensurepip" in made.stdout:
            sys.exit(NO_VENV)
        sys.exit(DISK_FULL if "No space left" in made.stdout else f"The folder .venv cannot be made: {made.stdout}")


def install(requirements, stamp):
    """Everything of one requirements file, then the `lab` command; the stamp comes last, so that what was
    interrupted is taken up again."""
    make_venv()
    total = sum(1 for line in Path(requirements).read_text().splitlines() if re.match(r"[\w.-]+(\[.*\])?==", line))
    print(f"Installing {total} packages into .venv (the first time only, about a minute) ...", flush=True)
    quick = ["--progress-bar", "off", "--retries", "2", "--timeout", "20"]
    pip(["install", *quick, "--require-hashes", "--no-deps", "-r", requirements], total)
    pip(["install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT)], 1)
    Path(stamp).write_text(requirements + "\n")
    print("Installed.")


def main():
    requirements, stamp = sys.argv[1:3]
    try:
        LOG.parent.mkdir(exist_ok=True)
        with (ROOT / ".lab" / "install.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two `make` at once: the second waits
            install(requirements, stamp)
    except KeyboardInterrupt:
        show("")
        sys.exit("Interrupted. Run the same command again: it goes on where it stopped.")
    except OSError as error:
        sys.exit(DISK_FULL if error.errno == errno.ENOSPC else f"The set-up failed ({error}). Mend that, " + AGAIN)


if __name__ == "__main__":
    main()
