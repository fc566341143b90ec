import subprocess
import sys

import pytest

CODE = """
import threading
import numpy as np
from talkingface.allocator import give_back_large_blocks

took = give_back_large_blocks()
np.ones(30 << 20, np.uint8)  # a large block is freed: glibc would now take such from its heaps
blocks = [np.ones(4 << 20, np.uint8) for _ in range(40)]
keep = [np.ones(5000, np.uint8) for _ in range(200)]
before = int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20
del blocks[::2]
after = int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20
print(took, before - after)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_freed_frames_leave_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    took, freed = done.stdout.split()
    if took == "False":
        pytest.skip("this C library has no mallopt")
    assert int(freed) >= 70


KEEP = """
import resource
import numpy as np
from talkingface.allocator import keep_large_blocks

took = keep_large_blocks()
np.ones(100 << 20, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(100 << 20, np.uint8)
print(took, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_kept_blocks_are_not_fetched_from_the_system_again() -> None:
    done = subprocess.run([sys.executable, "-c", KEEP], capture_output=True, text=True, check=True)
    took, faults = done.stdout.split()
    if took == "False":
        pytest.skip("this C library has no mallopt")
    assert int(faults) < 1000  # five times 25600 pages if each came fresh
