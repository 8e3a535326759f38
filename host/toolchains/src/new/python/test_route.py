import unittest

import app  # noqa: F401
from lithe_sdk.testing import request


class Hello(unittest.TestCase):
    def test_a_request_is_greeted(self) -> None:
        self.assertEqual(request("/").body, "Hello from /")


if __name__ == "__main__":
    unittest.main()
