"""Work that hangs, eats memory, ends its process or raises."""

import os
import signal
import time


def behave(how: str) -> str:
    """Runs in a worker."""
    if how == "loop":
        while True:
            pass
    if how == "sleep":
        time.sleep(60)
    if how == "eat":
        return str(len([bytearray(2**20) for _ in range(400)]))
    if how == "exit":
        os._exit(3)
    if how == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if how in RAISED:
        raise RAISED[how]
    return how


RAISED = {"stop": StopIteration(), "leave": SystemExit(3), "interrupt": KeyboardInterrupt()}
