//! Whether it was AWS that answered a call of whose answer nothing is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde::de::IgnoredAny;

/// Looks at the answers of a call. Clones look for the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    by_aws: Arc<AtomicBool>,
}

impl Told {
    /// Whether the last answer was AWS's.
    pub fn by_aws(&self) -> bool {
        self.by_aws.load(Ordering::SeqCst)
    }
}

impl Intercept for Told {
    fn name(&self) -> &'static str {
        "Told"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.by_aws.store(is_of_aws(context.response()), Ordering::SeqCst);
        Ok(())
    }
}

/// AWS numbers its answers, and has nothing to say here, or says it in JSON.
fn is_of_aws(response: &HttpResponse) -> bool {
    let body = response.body().bytes().unwrap_or_default().trim_ascii();
    let is_nothing_else = body.is_empty() || serde_json::from_slice::<IgnoredAny>(body).is_ok();
    response.headers().get("x-amzn-requestid").is_some() && is_nothing_else
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn r8_only_an_answer_with_its_number_and_nothing_foreign_in_it_is_of_aws() {
        let is_of_aws = |number: Option<&'static str>, body: &'static str| {
            let mut response = HttpResponse::new(200_u16.try_into().unwrap(), SdkBody::from(body));
            if let Some(number) = number {
                response.headers_mut().insert("x-amzn-requestid", number);
            }
            is_of_aws(&response)
        };
        assert!(is_of_aws(Some("1"), "") && is_of_aws(Some("1"), "{}\n"));
        assert!(!is_of_aws(None, "") && !is_of_aws(None, "{}"));
        for foreign in ["OK", "{\"half\": [", "<html>Welcome</html>", "{} {}"] {
            assert!(!is_of_aws(Some("1"), foreign), "{foreign}");
        }
    }
}
