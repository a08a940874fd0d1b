"""The documentation as a site: built without a warning, whole, and read offline."""

import importlib
import os
import re
import subprocess
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from helpers.browser import chromium
from helpers.snakemake import HOUSE

pytestmark = pytest.mark.workflow

OPTIONS = ("--quiet", "--fail-on-warning", "--keep-going", "--fresh-env")
DESK, PHONE = (1280, 900), (390, 800)


@pytest.fixture(scope="module")
def site(tiny_run, tmp_path_factory):
    """The built site, with the figures of the tiny run."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        ["sphinx-build", *OPTIONS, "--doctree-dir", str(folder / "doctrees"), "docs",
         str(folder / "site")],
        cwd=HOUSE, env=os.environ | {"JETCHAIN_RESULTS": str(tiny_run / "results")}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "WARNING" not in done.stdout
    return folder / "site"


def test_the_makefile_calls_what_is_tested_here():
    shown = subprocess.run(
        ["make", "--dry-run", "site"], cwd=HOUSE, text=True, capture_output=True, check=True
    )
    command = " ".join(shown.stdout.replace("\\\n", " ").split())
    assert f"sphinx-build {' '.join(OPTIONS)}" in command


@pytest.mark.parametrize("content", ["schemas", "targets", "configuration"])
def test_what_pages_take_from_the_code_is_whole(monkeypatch, content):
    monkeypatch.syspath_prepend(HOUSE / "docs" / "_ext")
    from_code = importlib.import_module("from_code")
    assert len(from_code.CONTENT[content]().splitlines()) > 20


def test_without_a_run_it_says_what_to_do(tmp_path):
    done = subprocess.run(
        ["make", "--assume-old=install", "site"], cwd=HOUSE, text=True, check=False,
        env=os.environ | {"JETCHAIN_RESULTS": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode != 0
    assert "run `make all` first" in done.stdout


@pytest.fixture(scope="module")
def parsed(site):
    """Every page, by its path."""
    return {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in site.rglob("*.html")
    }


@pytest.mark.shared
def test_every_link_and_anchor_leads_somewhere(parsed):
    anchors = {path: {tag["id"] for tag in page.find_all(id=True)} for path, page in parsed.items()}
    looked_at = 0
    for path, page in parsed.items():
        for tag in page.find_all(["a", "img", "link", "script"]):
            address = urlsplit(tag.get("href") or tag.get("src") or "")
            if address.scheme or not (address.path or address.fragment):
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            assert target.is_file(), f"{path.name}: {address.path}"
            if address.fragment and target in anchors:
                assert unquote(address.fragment) in anchors[target], f"{path.name}: {address}"
            looked_at += 1
    assert looked_at > 1000


@pytest.mark.shared
def test_placeholders_are_text_and_no_tags(parsed):
    # Sphinx sets typographic apostrophes.
    shown = {path.name: page.get_text().replace("\u2019", "'") for path, page in parsed.items()}
    for name in re.findall(r"## .*?(\w+=<.+?>)", (HOUSE / "Makefile").read_text("utf-8")):
        assert name in shown["targets.html"], name
    unknown = {
        tag.name for page in parsed.values() for tag in page.find_all(True) if len(tag.name) < 9
    } & {"file", "folder", "n", "k", "room", "name", "sample", "method", "model", "shard", "class"}
    assert unknown == set()


@pytest.mark.shared
def test_every_figure_has_words_for_those_who_do_not_see_it_and_a_caption(parsed):
    figures = [figure for page in parsed.values() for figure in page.find_all("figure")]
    assert len(figures) > 20
    for figure in figures:
        assert len(figure.img["alt"]) > 40
        assert len(figure.figcaption.get_text()) > 60


@pytest.mark.shared
def test_pages_open_offline_on_a_desk_and_on_a_phone(site):
    with chromium() as browser:
        for width, height in (DESK, PHONE):
            context = browser.new_context(viewport={"width": width, "height": height})
            page = context.new_page()
            said, asked, too_wide = [], set(), {}
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("pageerror", lambda error, said=said: said.append(str(error)))
            page.on("requestfailed", lambda failed, said=said: said.append(failed.url))
            page.on("request", lambda made, asked=asked: asked.add(urlsplit(made.url).scheme))
            for path in sorted(site.rglob("*.html")):
                page.goto(path.as_uri())
                wide = page.evaluate("() => document.documentElement.scrollWidth")
                if wide > width:
                    too_wide[path.name] = wide
                broken = page.locator("article img").evaluate_all(
                    "all => all.filter((i) => i.complete && !i.naturalWidth).map((i) => i.src)"
                )
                assert broken == []
            assert too_wide == {}
            assert said == []
            assert asked <= {"file", "data"}
            context.close()


@pytest.mark.shared
def test_every_page_of_the_tutorial_shows_what_its_commands_print(site, parsed):
    stages = sorted((site / "tutorial").glob("[1-8]-*.html"))
    assert len(stages) == 8
    for path in stages:
        page = parsed[path]
        assert page.select(".printed"), path.name
        assert page.select("figure"), path.name
        assert page.find("math"), path.name


@pytest.mark.shared
def test_the_test_statistic_of_the_limits_is_given_for_every_best_fit(site, parsed):
    page = parsed[site / "tutorial" / "7-limits.html"]
    (cases,) = [math for math in page.find_all("math") if math.find("mtable")]
    rows = ["".join(row.get_text().split()) for row in cases.find_all("mtr")]
    assert len(rows) == 3  # arXiv:1007.1727, eq. 16
    below, between, above = rows
    assert "L(0," in below
    assert below.endswith("<0,")
    assert "L(0," not in between
    assert between.count("≤") == 2
    assert above.startswith("0")
