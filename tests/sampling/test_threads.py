import threading

from threadpoolctl import ThreadpoolController

from dgmtui.sampling.threads import one_thread


def threads():
    import numpy as np

    np.ones((2, 2)) @ np.ones((2, 2))
    return [pool["num_threads"] for pool in ThreadpoolController().info() if pool["user_api"] == "blas"]


def test_products_take_one_thread_until_the_last_has_left():
    before = threads()
    entered, leave = threading.Event(), threading.Event()

    def other():
        with one_thread():
            entered.set()
            leave.wait(9)

    with one_thread():
        beside = threading.Thread(target=other)
        beside.start()
        assert entered.wait(9)
        assert set(threads()) <= {1}
    assert set(threads()) <= {1}, "another is inside still"
    leave.set()
    beside.join()
    assert threads() == before
