//! Asks AWS who the default credentials belong to, as a program with AWS's SDK for Rust does, and prints it as JSON.
#![expect(clippy::print_stdout, reason = "what it found is its output")]

use anyhow::{Context, Result};
use aws_config::BehaviorVersion;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};

#[tokio::main]
async fn main() -> Result<()> {
    // The SDK's own client, but for the library of its TLS: with the variables for proxies.
    let http_client = Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder();
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build()
    });
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client)
        .load()
        .await;
    let identity = aws_sdk_sts::Client::new(&config)
        .get_caller_identity()
        .send()
        .await?;
    let told = serde_json::json!({
        "account": identity.account().context("an account")?,
        "arn": identity.arn().context("an ARN")?,
    });
    println!("{told}");
    Ok(())
}
