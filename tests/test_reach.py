"""The page for those who see little, use no mouse, hold a phone, or are here for the first time: in a real browser."""

from pathlib import Path

import pytest
from browser_tabs import TABS, to_tab
from test_app import address, browser  # noqa: F401

from cocos_demo.ui import tour

AUDIT = Path(__file__).with_name("audit.js").read_text("utf-8")
# What holds for what is seen when a tab has come to rest.
RESTS = """() => [...document.querySelectorAll('[data-testid=status-tracker]')].every(each =>
    !each.offsetParent || each.matches('.hide') || !each.innerText.trim())"""
RINGS = """() => { const now = document.activeElement, style = getComputedStyle(now), box = now.getBoundingClientRect();
    return { words: now.getAttribute('aria-label') || now.innerText || now.labels?.[0]?.innerText || now.title || now.outerHTML,
             ring: style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 2 && box.width > 0,
             ours: !!now.closest('.gradio-container') } }"""


@pytest.fixture
def opened(browser, address):  # noqa: F811
    """-> a function that opens the app in a window of its own."""
    pages = []

    def at_once(width=1280, height=900, theme="light", **more):
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme, **more)
        pages.append(page)
        page.set_default_timeout(90_000)  # a busy machine
        page.goto(f"{address}/?__theme={theme}")
        page.wait_for_selector("#translate:not([disabled])")
        return page

    yield at_once
    for page in pages:
        page.close()


def at_rest(page, name: str) -> None:
    """Bring a tab to the front, and wait until it has what it begins with."""
    to_tab(page, name)
    there = {"Correspond": "#exemplar-shown img", "PatchMatch": ".player .told .now", "Edit": "#edit-about .palette",
             "Makeup": "#makeup-told .facts"}  # fmt: skip
    page.wait_for_selector(there.get(name, "[role=tabpanel]:visible"))
    page.wait_for_function(RESTS)
    page.wait_for_timeout(700)  # what fades in has done so


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_can_be_read_pictures_have_words_and_controls_names(opened, theme):
    page = opened(theme=theme)
    page.click("#translate")
    page.wait_for_selector("#picture img")
    for name in TABS:
        at_rest(page, name)
        for what in ("contrast", "nameless", "unlabelled"):
            assert not page.evaluate(f"({AUDIT}).{what}()"), (name, what)


def test_words_of_pictures_follow_them(opened):
    page = opened()
    assert page.get_attribute("#photo img", "alt") == "Photo: P009 studio portrait"
    page.locator(".thumbs:visible").first.locator("button").nth(1).click()
    page.wait_for_function("document.querySelector('#photo img').alt === 'Photo: P009 amateur selfie'")
    assert page.get_by_role("button", name="P009 amateur selfie, 2 of 15").is_visible()


def test_nothing_is_wider_than_a_phone(opened):
    page = opened(390, 844)
    for name in TABS:
        at_rest(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name


@pytest.mark.parametrize("name", TABS)
def test_the_keyboard_reaches_every_control_with_a_ring_around_it(opened, name):
    page = opened()
    at_rest(page, name)
    page.evaluate("""() => { const start = document.createElement('a'); start.tabIndex = 0; document.body.prepend(start);
        start.focus(); start.addEventListener('blur', () => start.remove()) }""")  # where a page begins
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "tabpanel"
    found = []
    for _ in range(160):
        page.keyboard.press("Tab")
        now = page.evaluate(RINGS)
        if not now["ours"]:
            break
        assert now["ring"], now["words"]
        found.append(now["words"].strip())
    else:
        pytest.fail("the keyboard does not leave the page")
    must = {"Translate": ["Upload file", "P009 amateur selfie, 2 of 15", "Translate", "Erase"], "Correspond": ["Undo", "Clear"],
            "PatchMatch": ["▶ Play", "Step"], "Edit": ["Grow", "Paint it anew", "hair"], "Makeup": ["Lips", "Make up"],
            "Compare": ["Compare"], "Blind": ["Show a pair"]}  # fmt: skip
    assert {*must[name]} <= {*found}
    if name == "Correspond":
        assert sum("arrow keys" in words for words in found) == 2


def test_a_point_is_asked_by_keyboard(opened):
    page = opened()
    at_rest(page, "Correspond")
    page.locator("#photo-shown button:has(img)").focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "Shift+ArrowLeft"):  # 256 + 16 - 1, 256 - 32
        page.keyboard.press(key)
    assert page.inner_text("#photo-shown .cross") == "271, 224" and page.evaluate("scrollY") == 0
    page.keyboard.press("Enter")
    page.wait_for_selector("#points:has-text('Point 1, clicked in the photo')")
    x, y = map(int, page.inner_text("#points tr[data-from] strong").split(", "))
    assert abs(x - 271) <= 1 and abs(y - 224) <= 1
    page.wait_for_timeout(500)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")  # the picture is another now, the cross still there
    page.wait_for_selector("#points:has-text('Point 2, clicked in the photo')")
    page.keyboard.press("Tab")
    assert page.locator("#photo-shown .cross").count() == 0 and page.locator("#exemplar-shown .cross").count() == 1


def test_two_pictures_under_one_another_are_compared_by_keyboard(opened):
    page = opened()
    page.click("#translate")
    page.wait_for_selector("#picture img")
    page.locator("#slider [role=slider]").focus()
    before = page.locator("#slider [role=slider]").bounding_box()["x"]
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.locator("#slider [role=slider]").bounding_box()["x"] > before + 20


@pytest.mark.parametrize("still", ["reduce", "no-preference"])
def test_the_tour_is_offered_once_and_goes_by_keyboard(opened, still):
    page = opened(reduced_motion=still)
    page.locator(".around").focus()
    assert page.get_by_text("New here?").count() or "New here?" in page.evaluate(
        "getComputedStyle(document.querySelector('.around'), '::before').content")
    page.keyboard.press("Enter")
    for number, words in enumerate(tour.STEPS.values(), 1):
        page.wait_for_selector(f".tour:has-text('{number} of {len(tour.STEPS)}')")
        assert page.inner_text(".tour p") == words and page.locator(".toured").count() == 1
        page.keyboard.press("Enter" if number % 2 else "ArrowRight")
    page.wait_for_selector(".tour", state="detached")
    assert page.evaluate("document.activeElement.className") == "around" and page.locator(".toured").count() == 0
    page.reload()
    page.wait_for_selector("#translate:not([disabled])")
    assert page.locator(".no-tour").is_hidden()
    page.click(".around")  # and comes again when it is asked for
    page.keyboard.press("ArrowLeft")
    assert "1 of" in page.inner_text(".tour")
    page.keyboard.press("Escape")
    assert page.locator(".tour").count() == 0


def test_the_tour_can_be_declined_and_blocks_nothing(opened):
    page = opened()
    page.click(".around")
    page.click("#translate")  # beside the card
    page.wait_for_selector("#picture img")
    page.click(".tour .end")
    other = opened()  # another visitor's
    other.click(".no-tour")
    assert other.locator(".no-tour").is_hidden() and other.evaluate("localStorage.getItem('cocos_demo.toured')") == "1"
