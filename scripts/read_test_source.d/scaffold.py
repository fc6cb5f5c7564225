"""What stands around the operation in each stress test: settings, seeds, progress."""
SETTINGS = [
    'ITERATIONS = int(os.environ.get("NDREPRO_ITERATIONS", "50"))',
    'WORKERS = int(os.environ.get("NDREPRO_WORKERS", "1"))',
    'SEED = int(os.environ.get("NDREPRO_SEED", "0"))',
]
SEEDING = '''\
def seed_everything(seed):
    """The same numbers in the same iteration, others in the next."""
    random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def say_passed(request, iteration):
    """Past pytest's capture: here it is the progress."""
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\\nPASS iteration {iteration + 1}/{ITERATIONS}", flush=True)'''.split("\n")
WHOLE_SCAFFOLD = SEEDING + '''

def pytest_generate_tests(metafunc):
    """Adds the iteration to the original's own parameters."""
    if hasattr(original, "pytest_generate_tests"):
        original.pytest_generate_tests(metafunc)
    metafunc.fixturenames.append("stress_iteration")
    metafunc.parametrize("stress_iteration", range(ITERATIONS), ids=[f"iteration{i}" for i in range(ITERATIONS)])


def is_wanted(item):
    """Whether that is the failing test with its parameters; conftest.py leaves out the others."""
    function, parameters = FAILING
    ours = f"iteration{item.callspec.params['stress_iteration']}"
    own = f"-{item.callspec.id}-".replace(f"-{ours}-", "-", 1).strip("-")
    return item.originalname == function and (parameters is None or own == parameters)


@pytest.fixture(autouse=True)
def stress_progress(request, stress_iteration):
    seed_everything(SEED + stress_iteration)
    yield
    if not request.session.testsfailed:
        say_passed(request, stress_iteration)'''.split("\n")
