import unittest

import app  # noqa: F401
from lithe_sdk.testing import request


class Seen(unittest.TestCase):
    def test_an_answer_says_who_has_seen_it(self) -> None:
        self.assertEqual(request("/").header("x-seen-by"), "{name}")


if __name__ == "__main__":
    unittest.main()
