import unittest

import app  # noqa: F401
from lithe_sdk.testing import connect, request


class Echo(unittest.TestCase):
    def test_a_socket_is_greeted_and_echoed(self) -> None:
        client = connect("/")
        client.send("again")
        self.assertEqual(client.sent, ["hello", "again"])

    def test_a_plain_request_is_refused(self) -> None:
        self.assertEqual(request("/").status, 426)


if __name__ == "__main__":
    unittest.main()
