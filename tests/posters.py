"""Screenshots of every tab after a real run, light and dark: `python tests/posters.py [NAME …]` writes them to docs/tabs."""

import io
import sys
import tempfile
from pathlib import Path

from browser_tabs import to_tab
from PIL import Image
from test_app import CHROMIUM, ROOT, serving

WIDTH, KEPT, TALLEST = 1280, 1080, 1570  # pixels: of the window, of the picture, of a long page
MOST = 46_000  # bytes


def translate(page) -> None:
    page.wait_for_selector("#translate:not([disabled])")
    page.click("#translate")
    page.wait_for_selector("#picture img")
    page.wait_for_selector("text=Painted at")


def colourise(page) -> None:
    page.get_by_role("radio", name="Colourise a grey photo").check()
    page.wait_for_selector("#translate:has-text('Colourise'):not([disabled])")
    page.wait_for_selector("text=The network sees lightness alone")
    translate(page)


def oil(page) -> None:
    page.get_by_role("radio", name="Oil portrait").check()
    page.wait_for_selector("#translate:has-text('Paint'):not([disabled])")
    page.wait_for_function("document.querySelector('#exemplar img').alt.includes('impressionist')")
    page.wait_for_timeout(1000)
    translate(page)


def point(page, name: str, number: int, *place: float) -> None:
    """Click a picture at a place, in shares of its side, and wait for the answer."""
    image = page.locator(f"#{name}-shown img")
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    page.mouse.click(*(box[corner] + share * box["width"] for corner, share in zip("xy", place)))
    page.wait_for_function("n => document.querySelectorAll('#points [data-from], #compare-answers tr[data-point]').length >= n",
                           arg=number)  # fmt: skip


def correspond(page) -> None:
    page.wait_for_selector("#exemplar-shown img")
    page.locator(".thumbs:visible button.thumbnail-lg:has-text('★')").first.click()
    page.wait_for_selector("#points:has-text('a star will show')")
    page.locator("#match-other input").click()
    page.get_by_role("option", name="figure_mcl (MCL-Net)").click()
    page.wait_for_selector("#beside:has-text('B: figure_mcl')")
    for number, place in enumerate(((0.5, 0.22), (0.46, 0.42), (0.55, 0.7)), 1):
        point(page, "photo", number, *place)


def patchmatch(page) -> None:
    page.wait_for_selector("#animation:not([disabled])")
    page.locator(".at").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")


def edit(page) -> None:
    page.wait_for_selector("#edit-about .palette")
    page.wait_for_timeout(2000)  # the canvas takes its map
    for _ in range(2):
        page.get_by_role("button", name="Grow", exact=True).click()
        page.wait_for_timeout(2500)
    page.click("#edit-button")
    page.wait_for_function("document.querySelector('#edit-facts').innerText.includes('elsewhere, measured')")


def makeup(page) -> None:
    page.wait_for_function("document.querySelector('#makeup-told').innerText.includes('Draw')")
    page.wait_for_timeout(3000)
    page.click("#makeup-button")
    page.wait_for_function("document.querySelector('#makeup-facts').innerText.includes('Matched by')")


def compare(page) -> None:
    page.click("#compare-run")
    page.wait_for_selector("a.save[download='compare.png']")
    page.wait_for_selector("#compared-shown img")
    point(page, "compared", 1, 0.5, 0.5)


def blind(page) -> None:
    for number in (1, 2):
        if number == 1:
            page.click("#blind-next")
        page.wait_for_selector(f"#blind-told:has-text('Pair {number}')")
        page.wait_for_function("document.activeElement.closest('.places.quality')")
        n = page.locator(".places.quality:visible").count()
        for place in [*range(1, n + 1)] * 2:
            page.keyboard.press(str(place))
        page.wait_for_selector("text=Both rankings are whole")
        if number == 1:
            page.keyboard.press("Enter")
            page.wait_for_selector("#blind-rates img")


# Name of a file -> the tab, and what is done in it.
RUNS = {"translate": ("Translate", translate), "colourise": ("Translate", colourise), "oil": ("Translate", oil),
        "correspond": ("Correspond", correspond), "patchmatch": ("PatchMatch", patchmatch), "edit": ("Edit", edit),
        "makeup": ("Makeup", makeup), "compare": ("Compare", compare), "blind": ("Blind", blind)}  # fmt: skip


def small(picture: bytes) -> bytes:
    """A screenshot as WebP, as good as MOST bytes allow."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, TALLEST)))
    image = image.resize((KEPT, round(image.height * KEPT / image.width)), Image.Resampling.LANCZOS)
    for quality in (84, 76, 68, 60, 50, 40, 34):
        file = io.BytesIO()
        image.save(file, "webp", quality=quality, method=6)
        if file.tell() <= MOST:
            break
    return file.getvalue()


def main(names: list[str]) -> None:
    from playwright.sync_api import sync_playwright

    if wrong := {*names} - {*RUNS}:
        sys.exit(f"error: there is no {', '.join(sorted(wrong))}; there are {', '.join(RUNS)}")
    to = ROOT / "docs" / "tabs"
    to.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, serving(Path(home)) as address, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for theme in ("light", "dark"):
            for name in names or RUNS:
                tab, run = RUNS[name]
                page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme=theme, reduced_motion="reduce")
                page.set_default_timeout(120_000)  # a busy machine
                page.add_init_script("localStorage.setItem('cocos_demo.toured', '1')")
                page.goto(f"{address}/?__theme={theme}")
                to_tab(page, tab)
                run(page)
                page.wait_for_timeout(1500)
                page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0) }")
                page.mouse.move(0, 0)
                page.wait_for_timeout(500)
                path = to / f"{name}_{theme}.webp"
                path.write_bytes(small(page.screenshot(full_page=True)))
                print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB", flush=True)
                page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
