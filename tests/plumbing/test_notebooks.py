"""The tutorial as notebooks: tests of the pages run their blocks, here are cells and outputs."""

import base64
import json

import pytest

from jetchain.core.errors import DataError
from jetchain.plumbing import notebooks

PAGE = """---
execute: true
---

# A page

[Next](2-detector.md), [far](https://example.org), [room](../reference/rooms/jets.md)

```{run-figure} jets/mass
:caption: other

What it
shows.
```

```python
x = 2
print("twice", 2 * x)
```

```bash
make all
```

```python
import matplotlib.pyplot as plt

print(x)
figure, axes = plt.subplots(figsize=(1, 1))
```
"""


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "HOUSE", tmp_path)
    path = tmp_path / "docs/tutorial/1-page.md"
    path.parent.mkdir(parents=True)
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_a_page_becomes_cells_with_their_outputs(page):
    found = notebooks.cells(page)
    kinds = [cell["cell_type"] for cell in found]
    assert kinds == ["code", "markdown", "code", "markdown", "code"]
    text = found[1]["source"]
    assert text.startswith("# A page")
    assert "[Next](../docs/tutorial/2-detector.md)" in text
    assert "[far](https://example.org)" in text
    assert "[room](../docs/reference/rooms/jets.md)" in text
    assert "![What it shows.](../results/reporting/jets/mass.png)" in text
    assert "make all" in found[3]["source"]
    notebooks.run(found[1:], "page")
    assert found[2]["outputs"][0]["text"] == "twice 4\n"
    printed, drawn = found[4]["outputs"]
    assert printed["text"] == "2\n"
    assert base64.b64decode(drawn["data"]["image/png"]).startswith(b"\x89PNG")
    assert json.loads(notebooks.notebook(found))["nbformat"] == 4


def test_a_cell_that_fails_is_named(page):
    page.write_text("```python\n1 / 0\n```\n")
    with pytest.raises(DataError, match=r"ZeroDivisionError.*\n1 / 0"):
        notebooks.run(notebooks.cells(page), "page")


@pytest.mark.parametrize("page", notebooks.PAGES, ids=lambda page: page.stem)
def test_the_notebooks_that_ship_are_the_pages_with_outputs(page):
    shipped = json.loads((notebooks.NOTEBOOKS / f"{page.stem}.ipynb").read_text(encoding="utf-8"))
    assert "".join(shipped["cells"][-1]["source"])
    code = [cell for cell in shipped["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    sources = ["".join(cell["source"]) for cell in shipped["cells"]]
    assert sources == [cell["source"] for cell in notebooks.cells(page)], "run `make notebooks`"
