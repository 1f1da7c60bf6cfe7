import { addLine } from "./server";

describe("addLine", () => {
  it("asks the catalogue", async () => {
    process.env.CATALOG_URL = "http://catalogue.test:1";
    const seen = process.env.BASKET_ONLY_IN_TEST;
    await fetch("http://mock.basket.test/reset");
    await expect(addLine("u", seen ?? "x")).rejects.toThrow();
  });
});
