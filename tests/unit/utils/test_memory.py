import pytest

from pygpt.utils.memory import browser_memory

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    "user_agent, reported, expected",
    [
        (IPHONE, None, 2**30),
        (IPHONE.replace("iPhone", "iPad"), None, 2**30),
        (DESKTOP, 4, 3 * 2**30),
        (DESKTOP, 0.5, 3 * 2**27),
        (DESKTOP, 8, None),
        (DESKTOP, 32, None),
        (DESKTOP, None, None),
    ],
)
def test_the_memory_of_a_tab_is_what_the_browser_says(user_agent, reported, expected):
    assert browser_memory(user_agent, reported) == expected
