"""Where products and their reviews are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..runtime.pooling import Pool  # noqa: TID252  # the shop runs as a package of its own

PAGE = """SELECT p.id, p.name, p.cents, r.stars FROM products p
JOIN LATERAL (SELECT avg(stars)::float AS stars FROM reviews WHERE product = p.id) r ON true
ORDER BY p.rank LIMIT %s"""


@dataclass(frozen=True)
class Products:
    """The products by page, one by one, and what people say of them."""

    pool: Pool

    def page(self, size: int) -> list[dict[str, Any]]:
        """Return the first products with their stars."""
        with self.pool.connection() as link:
            rows = link.run(PAGE, size)
        return [{"id": row[0], "name": row[1], "cents": row[2], "stars": round(row[3] or 0, 1)} for row in rows]

    def one(self, product: str) -> dict[str, Any] | None:
        """Return one product, None where there is none of that name."""
        with self.pool.connection() as link:
            rows = link.run("SELECT name, cents FROM products WHERE id = %s", product)
        return {"id": product, "name": rows[0][0], "cents": rows[0][1]} if rows else None

    def stars(self, product: str) -> dict[str, Any]:
        """Return how many reviews a product has, and its stars in the mean."""
        with self.pool.connection() as link:
            rows = link.run("SELECT count(*), avg(stars)::float FROM reviews WHERE product = %s", product)
        return {"reviews": rows[0][0], "stars": round(rows[0][1] or 0, 1)}

    def reviews(self, product: str) -> list[dict[str, Any]]:
        """Return every review of a product, the one that says more than most others first."""
        with self.pool.connection() as link:
            rows = link.run(
                "SELECT stars, body FROM reviews one WHERE product = %s ORDER BY (SELECT count(*) FROM reviews other"
                " WHERE other.product = one.product AND length(other.body) < length(one.body)) DESC, md5(body)",
                product,
            )
        return [{"stars": row[0], "body": row[1]} for row in rows]

    def alike(self, product: str, count: int) -> list[str]:
        """Return the products whose price is nearest."""
        with self.pool.connection() as link:
            rows = link.run(
                "SELECT other.id FROM products one JOIN products other ON other.id <> one.id WHERE one.id = %s"
                " ORDER BY abs(other.cents - one.cents) LIMIT %s",
                product,
                count,
            )
        return [row[0] for row in rows]
