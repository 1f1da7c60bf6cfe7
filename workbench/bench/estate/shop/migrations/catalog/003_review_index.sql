CREATE INDEX reviews_product ON reviews (product) INCLUDE (stars);
ANALYZE products, reviews;
