"""The documentation as a site: `make site` builds it into site/.

Pages are MyST Markdown. Figures and tables come from a finished run, the reference from the code,
both when the site is built. Nothing is fetched from the network when a page is read.
"""

import importlib.resources
import logging
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(HOUSE / "docs" / "_ext"), str(HOUSE / "workflow")]

for library in ("numexpr", "pyhf"):
    logging.getLogger(library).setLevel(logging.WARNING)

project = "jetchain"
author = "the jetchain developers"
copyright = "the jetchain developers, MIT licence"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "from_run",
    "from_code",
    "mathematics",
]
exclude_patterns = ["_ext", "_build"]

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
# A placeholder such as <file> is text, and no tag that a browser drops.
myst_disable_syntax = ["html_inline"]
# A type in a docstring that two classes have, such as width: no link is made.
suppress_warnings = ["ref.python"]

default_role = "code"  # the docstrings' single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_attr_annotations = False

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "jetchain"
# Formulas need a font that says how they are set (OpenType's MATH table); this one is a sans serif.
FONT = importlib.resources.files("mplhep_data") / "fonts" / "firamath" / "FiraMath-Regular.otf"
html_static_path = ["_static", str(FONT)]
html_css_files = ["site.css"]
html_show_sphinx = False
html_use_index = False
html_domain_indices = False
html_copy_source = False
html_last_updated_fmt = None
html_permalinks_icon = "#"
