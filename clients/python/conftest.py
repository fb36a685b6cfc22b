"""What every test shares: one demo server for the run, and a receiver of callbacks for each test."""

import pytest
from demo import Demo
from sink import Sink


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("demo"))
    yield demo
    demo.stop()


@pytest.fixture
def sink():
    sink = Sink()
    yield sink
    sink.close()
