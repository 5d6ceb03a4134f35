"""The silos of the demo company, one file each; `SILOS` is the order in which they are written."""

SILOS: tuple[str, ...] = (
    "finance",
    "crm",
    "loyalty",
    "tills",
    "webshop",
    "behaviour",
    "visits",
    "surveys",
    "support",
    "calls",
    "reviews",
    "mail",
)
