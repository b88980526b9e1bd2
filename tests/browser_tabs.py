"""Going to a tab of the app in a browser."""

TABS = "Translate", "Correspond", "PatchMatch", "Edit", "Makeup", "Compare", "Blind"


def to_tab(page, name: str) -> None:
    """Bring a tab to the front; a narrow window keeps those that have no room in a menu."""
    page.wait_for_selector("[role=tablist]")
    page.wait_for_timeout(500)  # the tabs find their room
    tab = page.get_by_role("tab", name=name, exact=True)
    if not tab.is_visible():
        page.locator(".overflow-menu button").first.click()
        tab = page.locator(".overflow-dropdown button", has_text=name)
    tab.click()
