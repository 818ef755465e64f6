"""Running a distilabel pipeline safely.

What distilabel is unsafe at is done here (it was measured with version 1.5.3): an interrupt is raised instead of
returned as a shorter result; no step outlives a killed parent; nothing depends on its cache or on the Distiset.

No postponed annotations in this package: distilabel reads the hints of ``process`` at run time.
"""

import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

# distilabel warns about optional packages at import; nothing of them is used
logging.getLogger("distilabel").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message="The .default. attribute with value None")

_hook = sys.excepthook
from distilabel.pipeline import Pipeline as Distilabel  # noqa: E402  (after its logger is quiet)
from distilabel.pipeline.base import _STEP_NOT_LOADED_CODE  # noqa: E402  (as above)

# distilabel replaces the traceback printer by one that shows local variables, keys among them
sys.excepthook = _hook

from corpusgen.errors import AuthorError, UsageError  # noqa: E402  (as above)

__all__ = ["Pipeline", "connect_ray", "run"]


class Pipeline(Distilabel):
    """A distilabel pipeline that notices at once that its steps are there.

    distilabel looks once, sleeps for 2.5 s and looks again, which is longer than a small round of writing takes.
    """

    def _run_steps(self, steps: Iterable[str]) -> None:
        """Starts the steps and waits until each has said that it is loaded, at most as long as distilabel sleeps."""
        names = list(steps)
        super()._run_steps(names)
        end = time.monotonic() + LONGEST_WAIT_S
        while time.monotonic() < end and not self._stop_called:
            with self._steps_load_status_lock:
                loaded = self._get_steps_load_status(names)
            if all(self._settled(name, count) for name, count in loaded.items()):
                return
            time.sleep(0.01)

    def _settled(self, name: str, loaded: int) -> bool:
        # negative codes stand for a step that has failed to load, or is done already
        return loaded == self.dag.get_step_replica_count(name) or (loaded < 0 and loaded != _STEP_NOT_LOADED_CODE)


LONGEST_WAIT_S = 2.5


def run(pipeline: Pipeline, on_interrupt: Callable[[], None] = lambda: None, ray: str | None = None) -> None:
    """Runs a pipeline to its end.

    Args:
        pipeline: The pipeline, run for the first time.
        on_interrupt: Is called when Ctrl+C comes, before the steps are asked to end.
        ray: ``local``, or the address of a Ray cluster, to have the steps run as its actors.

    Raises:
        AuthorError: The pipeline failed.
        KeyboardInterrupt: Ctrl+C, after the steps have ended.
    """
    interrupted = False
    from datasets import disable_progress_bars

    if ray is not None:
        connect_ray(ray)
        pipeline = pipeline.ray()

    original = pipeline._handle_keyboard_interrupt
    before = signal.getsignal(signal.SIGINT)

    def early(number: int, frame: Any) -> None:
        # raised here, it could fall into a hook around a fork, which swallows it and leaves a lock behind
        nonlocal interrupted
        interrupted = True

    def handle() -> Any:
        original()
        stop = signal.getsignal(signal.SIGINT)

        def end(number: int = signal.SIGINT, frame: Any = None) -> None:
            on_interrupt()
            if callable(stop):
                # distilabel takes a lock to stop, which the interrupted code may hold: a thread can wait for it
                threading.Thread(target=stop, args=(number, frame), name="stop", daemon=True).start()

        def note(number: int, frame: Any) -> None:
            nonlocal interrupted
            if interrupted:
                raise KeyboardInterrupt  # pressed again: what is done is on disk, and children die with their parent
            interrupted = True
            end(number, frame)

        replaced = signal.signal(signal.SIGINT, note)
        if interrupted:
            end()
        return replaced

    # distilabel swallows Ctrl+C and returns what it has; the flag tells the two endings apart
    pipeline._handle_keyboard_interrupt = handle
    _guard_children()
    disable_progress_bars()
    quiet = {"DISTILABEL_LOG_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1"}
    saved = {name: os.environ.get(name) for name in quiet}
    os.environ.update(quiet)
    # what is frozen is not touched by the collectors of the forked steps, so that they share it with this process
    gc.freeze()
    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, early)
        pipeline.run(use_cache=False)
    except KeyboardInterrupt:
        raise
    except Exception as error:
        if not interrupted:
            what = f"the writing pipeline failed: {type(error).__name__}: {error}"
            raise AuthorError(what, do="run the same command again; with --debug it shows the traceback") from error
    finally:
        gc.unfreeze()
        signal.signal(signal.SIGINT, before)
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    if interrupted:
        raise KeyboardInterrupt


def _require_reachable(address: str) -> None:
    """Ray itself tries for minutes before it gives an address up.

    Raises:
        AuthorError: Nothing answers there.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        what = f"the Ray cluster cannot be reached: {error.strerror or error}"
        raise AuthorError(what, where=address, do="check the address, or use --ray local") from error


def connect_ray(address: str) -> str:
    """Connects to a Ray cluster, or starts one on this machine; once in a process.

    Args:
        address: ``local``, or the cluster's address.

    Returns:
        The address under which other nodes find this one.

    Raises:
        UsageError: Ray is not installed.
        AuthorError: The cluster cannot be reached.
    """
    # its handlers print a native stack for every worker process of ours that is ended on purpose
    os.environ.setdefault("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "1")
    if address != "local" and ("RAY_AUTH_TOKEN" in os.environ or (Path.home() / ".ray" / "auth_token").is_file()):
        # `ray start` asks for the token by default; a driver that is not told so as it starts does not show it
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
    except ImportError as error:
        raise UsageError("Ray is not installed", do="pip install 'corpusgen[ray]'") from error
    if not ray.is_initialized():
        where = None if address == "local" else address
        if where is not None:
            _require_reachable(where)
        try:
            ray.init(where, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
        except Exception as error:  # Ray raises many kinds
            what = f"the Ray cluster cannot be reached: {error}"
            raise AuthorError(what, where=address, do="check the address, or use --ray local") from error
    if address == "local":
        return "127.0.0.1"
    found: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]  # it has no hints
    return found


_hooked = False


def _guard_children() -> None:
    """Leaves Ctrl+C to the parent, and on Linux asks the kernel to end forked children when the parent is killed.

    A terminal sends Ctrl+C to every process. A child that has just been forked still has the parent's handler, and
    would print a traceback of its own; so the signal is held back around a fork, until the child ignores it.
    """
    global _hooked
    if _hooked or not hasattr(os, "register_at_fork"):
        return
    import ctypes

    on_linux = Path("/proc/self").exists()
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def hold() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])

    def let_go() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])

    def let_go_in_parent() -> None:
        # delivered here, it would be swallowed with the hook: taken out, it is sent again a moment later
        if signal.SIGINT in signal.sigpending():
            signal.sigwait([signal.SIGINT])
            threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT)).start()
        let_go()

    def after_fork() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        let_go()
        if on_linux and os.getppid() == parent:
            libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    os.register_at_fork(before=hold, after_in_parent=let_go_in_parent, after_in_child=after_fork)
    _hooked = True
