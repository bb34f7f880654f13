"""One run of a command: its log, its lock, its folder, its signals, and the one place where it ends."""

import fcntl
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import FrameType
from typing import Any

from quickdata_node import reservation
from quickdata_node.marks import mark_folder, remove_folders
from quickdata_node.notifications import Notifications

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
LONGEST = 60
"""Most seconds for the ON_FAILURE command."""
NOTICED = 1.0
"""Most seconds until Python notices a signal."""


class Failed(Exception):  # noqa: N818 - as the log's last line says it
    """The failure of a run, in one line.

    Args:
        what: what happened.
        fix: what to do.
        code: the exit code, as in the commands' help.
    """

    def __init__(self, what: str, fix: str, code: int = 1) -> None:
        super().__init__(f"{what}; {fix}")
        self.what, self.fix, self.code = what, fix, code


class Interrupted(BaseException):
    """A signal asked this run to end. It is no Exception, so that no `except Exception` catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}; run it again")
        self.code = 128 + number


class Run:
    """The log, the lock, the folder and the end of one run.

    Args:
        program: the command's name in the log.

    Attributes:
        on_failure: the command that gets the message of a failure.
        notifications: the notifications about the end of the run.
        achieved: the result in words, for the message about a good run.
        cleaning: steps to undo at the end, last one first, however the run ends.
        programs: the programs that the run has started on this machine; they end with it.
        starting: lock, held while a program is started.
        ends: whether the run is being cleaned up.
        failed: whether the run has failed; valid from then on.
    """

    def __init__(self, program: str) -> None:
        self.program, self.started = program, time.time()
        self.on_failure, self.notifications, self.achieved = "", Notifications(), ""
        self.cleaning = ExitStack()
        self.programs: list[subprocess.Popen[bytes]] = []
        self.starting, self.ends, self.failed = Lock(), False, False
        self.locks: list[int] = []

    @property
    def is_heard(self) -> bool:
        """Whether a failure reaches somebody, by a command or a notification. A ping is for backups only."""
        return bool(self.on_failure or self.notifications.addresses)

    def log(self, message: object) -> None:
        """Write a line to standard error. A full disk of the log must not end a backup."""
        line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {self.program}: {message}\n"
        with suppress(OSError):
            os.write(2, line.encode(errors="surrogateescape"))

    def tell(self, said: Mapping[str, Any]) -> None:
        """Write the JSON line. A backup that is done must not fail because this line cannot be written."""
        line = json.dumps(said)
        try:
            os.write(1, f"{line}\n".encode())
        except OSError as error:
            self.log(f"standard output cannot be written ({error.strerror}): {line}")

    def seconds(self) -> float:
        """Return how long this run has taken, in seconds."""
        return round(time.time() - self.started, 1)

    def heed_signals(self) -> None:
        """From now on a signal ends the run cleanly, unless the caller ignores it, as nohup does.

        Python handles a signal in the main thread, between two instructions. A signal may arrive when this
        thread has just begun to wait for PostgreSQL, or in another thread: then it wakes nobody. So an alarm
        interrupts each wait every second, and Python handles the signal.
        """
        for each in SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, _interrupt)
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, NOTICED, NOTICED)

    def hold_signals(self) -> None:
        """From now on no signal ends the run or a program that it starts.

        The alarm stops too: when Python has removed its handler at the end, the alarm would kill the process.
        """
        signal.setitimer(signal.ITIMER_REAL, 0)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)

    # --- one run at a time ---

    def take_lock(self, lock_file: Path, state_dir: Path, reserved_for: str = "") -> None:
        """Take the lock, and create this run's folder, for the temporary files of all its programs.

        A run may take several locks. Its programs inherit them: those that a killed run left still hold them,
        until the last one ends.

        Args:
            lock_file: the lock.
            state_dir: the directory for this run's folder.
            reserved_for: id of the recovery that may have reserved the lock for this run.
        """
        try:
            lock = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            fix = "create its directory, writable by this user"
            raise Failed(f"the lock {lock_file} cannot be opened", fix) from error
        self.locks.append(lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            what = f"another run holds {lock_file} ({last_run(lock_file)})"
            raise Failed(what, f"wait until it has ended; fuser {lock_file} shows who holds it") from None
        if found := reservation.find(lock_file, reserved_for):
            fix = f"wait until then, or run recover-pg.sh --config FILE --give-up {found.id}"
            what = f"{lock_file} is reserved until {found.shown} for the swap of recovery {found.id}"
            raise Failed(what, fix)
        self._sign(lock_file)
        self._make_folder(state_dir)

    def _sign(self, lock_file: Path) -> None:
        try:
            lock_file.write_text(f"{self.program}, pid {os.getpid()}, since {now()}\n", encoding="utf-8")
        except OSError as error:
            raise Failed(f"the lock {lock_file} cannot be written", "make room there") from error

    def _make_folder(self, state_dir: Path) -> None:
        try:
            remove_folders(sorted(state_dir.glob("run.????????")), self.log)
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix="run.", dir=state_dir))
            self.cleaning.callback(remove_folders, [folder])
            mark_folder(folder)
        except OSError as error:
            fix = "make room there, and make it writable by this user"
            raise Failed(f"no directory can be made in {state_dir}", fix) from error
        os.environ["TMPDIR"] = str(folder)

    def inherited(self) -> tuple[int, ...]:
        """Return the descriptors that every child gets: those of the locks."""
        return tuple(self.locks)

    # --- the end ---

    def finish(self, code: int, message: str) -> int:
        """Clean up, report a failure, and return the exit code."""
        with self.starting:
            self.ends, self.failed = True, code != 0
        self._stop_programs()
        try:
            self.cleaning.close()
        except Exception as error:
            self.log(f"the cleanup is not complete: {error}")
        if self.failed:
            self.log(f"FAILED: {message}")
        for lock in self.locks:
            os.close(lock)
        self._notify(message)
        if self.failed:
            self._alert(message)
        return code

    def _stop_programs(self) -> None:
        for program in self.programs:
            program.kill()
            program.wait()

    def _notify(self, message: str) -> None:
        try:
            for trouble in self.notifications.send(self.failed, message if self.failed else self.achieved):
                self.log(trouble)
        except Exception as error:  # its words may hold an address
            self.log(f"no notification could be sent: {type(error).__name__}; look at the configuration")

    def _alert(self, message: str) -> None:
        hook = self.on_failure.split()
        if hook:
            try:
                subprocess.run(
                    [*hook, f"{self.program}: {message}"],
                    stdout=2,
                    stdin=subprocess.DEVNULL,
                    env=without_keys("PG"),
                    timeout=LONGEST,
                    check=True,
                )
            except (OSError, subprocess.SubprocessError):
                self.log("the ON_FAILURE command failed too")


def run(program: str, command: Callable[[Run, Sequence[str]], None], arguments: Sequence[str]) -> int:
    """Run a command, and return its exit code. Every run ends here, however it ends."""
    os.environ.update(TZ="UTC", LC_ALL="C.UTF-8")
    this = Run(program)
    return this.finish(*_tried(this, lambda: command(this, arguments)))


def _tried(this: Run, work: Callable[[], None]) -> tuple[int, str]:
    """Do the work; return the exit code, and the message of a failure."""
    try:
        try:
            this.heed_signals()
            work()
        finally:
            this.hold_signals()
    except SystemExit:  # --help
        pass
    except (Failed, Interrupted) as end:
        if end.__cause__:
            this.log(end.__cause__)
        return end.code, str(end)
    except BaseException as error:
        this.log(f"{_place(error)}: {type(error).__name__}: {error}")
        return 1, "unexpected end; the lines above say why"
    return 0, ""


def without_keys(*more: str) -> dict[str, str]:
    """Return the environment for a program that must not get the keys for S3.

    Args:
        more: further beginnings of variables' names to leave out.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", *more))}


def last_run(lock_file: Path) -> str:
    """Return the text that the last run, or the current one, wrote into the lock."""
    with suppress(OSError):
        return lock_file.read_text(encoding="utf-8", errors="replace").strip()
    return ""


def now() -> str:
    """Return the current time in UTC, as the log and the manifest write it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _interrupt(number: int, _: FrameType | None) -> None:
    raise Interrupted(number)


def _place(error: BaseException) -> str:
    """Return the file and the line of this package where an error occurred."""
    place, frame, package = "", error.__traceback__, Path(__file__).parent
    while frame:
        file = Path(frame.tb_frame.f_code.co_filename)
        if file.is_relative_to(package):
            place = f"{file.relative_to(package)}, line {frame.tb_lineno}"
        frame = frame.tb_next
    return place
