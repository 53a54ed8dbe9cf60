from conftest_pages import open_app  # noqa: F401 a fixture
