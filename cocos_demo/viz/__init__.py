"""Pictures of what the networks do: one picture language for notebooks, app and docs.

Every function is pure: arrays or a Matcher's answers go in, a matplotlib figure or a PIL image comes out, and pyplot is not
touched. Colours can be told apart by colour-blind people: Okabe and Ito's for things with names, viridis for amounts, and
for places a plane from blue to yellow and from light to dark. Figures of pictures have the pixels of the given picture as
their axes.
"""

from . import marks
from .arrays import as_colours, maps, table
from .curves import curves, training
from .figures import components, flow, matches, matrix, points, query, warps
from .overlays import error_over, flow_colours, heat_over, heat_scale, heatmap, place_colours, spread
from .rates import rates
from .sharpness import sharpness, spread_over
from .sheets import COLUMNS, gallery, sheet, translations
from .small import LOSSY
from .style import OKABE_ITO, position_colours, to_pil
from .tiles import tiles

__all__ = ["COLUMNS", "LOSSY", "OKABE_ITO", "as_colours", "components", "curves", "error_over", "flow", "flow_colours", "gallery",
           "heat_over", "heat_scale", "heatmap", "maps", "marks", "matches", "matrix", "place_colours", "points",
           "position_colours", "query", "rates", "sharpness", "sheet", "spread", "spread_over", "table", "tiles", "to_pil",
           "training", "translations", "warps"]
