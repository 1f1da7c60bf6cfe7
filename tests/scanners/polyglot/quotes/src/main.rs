mod config;

use actix_web::{get, web, App, HttpResponse, HttpServer};
use open_feature::{EvaluationContext, OpenFeature};
use sqlx::postgres::PgPoolOptions;
use tracing::info;

use crate::config::{Config, CURRENCY_URL};
use crate::stock::stock_client::StockClient;

pub mod stock {
    tonic::include_proto!("stock");
}

async fn rate(to: &str) -> Result<f64, reqwest::Error> {
    let url = format!("{}/rates/{}", *CURRENCY_URL, to);
    reqwest::get(&url).await?.json::<f64>().await
}

async fn insurance(value: f64) -> Result<f64, reqwest::Error> {
    let client = reqwest::Client::new();
    client
        .post("http://insurance.partners.example:8443/quote")
        .header("x-key", std::env::var("INSURANCE_KEY").unwrap_or_default())
        .json(&value)
        .send()
        .await?
        .json()
        .await
}

async fn on_hand(config: &Config, sku: &str) -> anyhow::Result<i64> {
    let mut client = StockClient::connect(config.stock_addr.clone()).await?;
    let reply = client.on_hand(stock::OnHandRequest { sku: sku.into() }).await?;
    Ok(reply.into_inner().count)
}

#[get("/quote/{sku}")]
async fn quote(path: web::Path<String>, config: web::Data<Config>) -> HttpResponse {
    let flags = OpenFeature::singleton().await.create_client();
    let context = EvaluationContext::default();
    let insured = flags
        .get_bool_value("quotes-insured", Some(&context), None)
        .await
        .unwrap_or(false);
    let margin = flags.get_float_value("quotes-margin", None, None).await.unwrap_or(1.0);
    info!("not read: quotes-secret-margin at http://wiki.example/margin");
    let mut price = rate("EUR").await.unwrap_or(1.0) * margin;
    if insured {
        price += insurance(price).await.unwrap_or(0.0);
    }
    let left = on_hand(&config, &path).await.unwrap_or(0);
    HttpResponse::Ok().json((price, left))
}

async fn fetch(url: &str) -> reqwest::Result<String> {
    reqwest::get(url).await?.text().await
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let config = Config::from_env();
    let port = config.port;
    let pool = PgPoolOptions::new()
        .max_connections(5)
        .connect(&config.database_url)
        .await
        .expect("database");
    std::env::set_var("QUOTES_READY", "1");
    HttpServer::new(move || App::new().app_data(web::Data::new(pool.clone())).service(quote))
        .bind(("0.0.0.0", port))?
        .run()
        .await
}
