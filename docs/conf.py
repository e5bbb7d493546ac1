"How Sphinx sets the site; its sources are written by revelio.site, and `make docs` runs both."
from configparser import ConfigParser
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

HERE = Path(__file__).parent
settings = ConfigParser(delimiters=["="])
settings.read(HERE.parent / "settings.ini", encoding="utf-8")
settings = settings["DEFAULT"]

project, version, author = settings["lib_name"], settings["version"], settings["author"]
project_copyright = settings["copyright"]
extensions = ["myst_nb"]
master_doc = "index"

nb_execution_mode = "off"  # a page shows what was saved
nb_ipywidgets_js = {}  # no scripts of other sites
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header"]  # a notebook may begin a section as deep as it likes
add_module_names = False
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False
html_show_search_summary = False  # summaries are fetched, which a browser forbids to pages from the disk
html_sidebars = {"index": []}
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_nav_level": 1,
    "navigation_with_keys": False,
    "show_version_warning_banner": False,
    "footer_start": ["copyright"],
    "footer_center": [],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def _math(as_block):
    "A formula as MathML, which browsers set without a script and without the network."
    def visit(self, node):
        formula = node.astext()
        formula = formula if as_block else formula.replace("\\\\", "\\")  # within a line there are no new lines
        self.body.append(tex2mathml(formula, as_block=as_block))
        raise nodes.SkipNode
    return visit


def setup(app):
    app.add_html_math_renderer("mathml", (_math(False), None), (_math(True), None))
