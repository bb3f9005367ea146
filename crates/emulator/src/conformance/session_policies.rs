//! Point 19: the policies that narrow a session down, as STS takes or refuses them.

use super::assume_role::{assume, deployer, element, given, refused};
use crate::World;
use crate::testing::Client;

const POLICY: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#;
const OF_AWS: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

#[tokio::test]
async fn conforms_19_a_session_policy_is_taken_and_what_is_none_is_malformed() {
    let mut client = Client::new();
    let source = deployer(&mut client).await;
    let narrowed = [("Policy", POLICY), ("PolicyArns.member.1.arn", OF_AWS)];
    let reply = assume(&mut client, &source, &narrowed).await;
    given(&reply);
    let packed: u32 = element(&reply, "PackedPolicySize").parse().unwrap();
    assert!((1..=100).contains(&packed), "{packed}");
    let log = client.get("/_control/audit").await.json();
    let record = log["Records"].as_array().unwrap().last().unwrap();
    assert_eq!(record["requestParameters"]["policy"], POLICY);
    assert_eq!(record["requestParameters"]["policyArns"][0]["arn"], OF_AWS);

    for (document, expected) in [
        ("{", "The policy is not in the valid JSON format."),
        ("{}", "Syntax errors in policy."),
    ] {
        let reply = assume(&mut client, &source, &[("Policy", document)]).await;
        assert_eq!(refused(&reply), (400, "MalformedPolicyDocument", expected));
    }
    let long = format!("{POLICY}{}", " ".repeat(2048));
    let reply = assume(&mut client, &source, &[("Policy", &long)]).await;
    let (status, code, message) = refused(&reply);
    assert_eq!((status, code), (400, "ValidationError"));
    assert!(
        message.ends_with("Member must have length less than or equal to 2048"),
        "{message}"
    );
}

#[tokio::test]
async fn conforms_19_a_policy_that_packs_badly_is_too_large() {
    let mut client = Client::new();
    let source = deployer(&mut client).await;
    let actions: Vec<String> = (0..80)
        .map(|number| format!("\"service{number}:Action\""))
        .collect();
    let long = POLICY.replace("\"s3:*\"", &format!("[{}]", actions.join(",")));
    assert!((1_500..2_048).contains(&long.len()), "{}", long.len());
    let reply = assume(&mut client, &source, &[("Policy", &long)]).await;
    let (status, code, message) = refused(&reply);
    assert_eq!((status, code), (400, "PackedPolicyTooLarge"));
    assert!(message.starts_with("Packed policy consumes 1"), "{message}");
    assert!(
        message.ends_with("% of allotted space, please use smaller policy."),
        "{message}"
    );
}

#[tokio::test]
async fn conforms_19_a_managed_policy_is_of_aws_or_of_the_roles_account_and_there() {
    let mut world = World::acme();
    let own = "arn:aws:iam::666677778888:policy/releases";
    let set = format!("[[permission_set]]\nname = \"Own\"\nmanaged_policies = [\"{own}\"]\n");
    world.amend(&set).unwrap();
    let mut client = Client::of(world);
    let source = deployer(&mut client).await;
    for arn in [OF_AWS, own] {
        given(&assume(&mut client, &source, &[("PolicyArns.member.1.arn", arn)]).await);
    }
    for (arn, expected) in [
        (
            "arn:aws",
            "'policyArns.1.member.arn' failed to satisfy constraint: Member must have length greater",
        ),
        (
            "arn:aws:iam::666677778888:policy/other",
            "does not exist or is not attachable",
        ),
        (
            "arn:aws:iam::444455556666:policy/releases",
            "does not exist or is not attachable",
        ),
        (
            "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
            "does not exist or is not attachable",
        ),
        (
            "arn:aws:s3:::a-bucket-of-ours",
            "does not exist or is not attachable",
        ),
    ] {
        let reply = assume(&mut client, &source, &[("PolicyArns.member.1.arn", arn)]).await;
        let (status, code, message) = refused(&reply);
        assert_eq!((status, code), (400, "ValidationError"), "{arn}");
        let message = message.replace("&#39;", "'");
        assert!(message.contains(expected), "{message}");
    }
    let names: Vec<String> = (1..=11)
        .map(|number| format!("PolicyArns.member.{number}.arn"))
        .collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), OF_AWS)).collect();
    given(&assume(&mut client, &source, &many[..10]).await);
    let reply = assume(&mut client, &source, &many).await;
    let message = refused(&reply).2.replace("&#39;", "'");
    assert!(
        message.contains("at 'policyArns' failed to satisfy constraint"),
        "{message}"
    );
}
