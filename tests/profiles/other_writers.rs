//! Others write the same file all the time: several of ours, and the AWS CLI, which knows nothing of our lock.

use anyhow::{Context, Result, ensure};

use super::Person;

const ROUNDS: usize = 12;

#[tokio::test]
async fn c7_ours_and_the_aws_cli_write_the_same_file_and_lose_nothing() -> Result<()> {
    let person = Person::signed_in().await?;
    person.profiles(&["apply"]).await?.expect_code(0)?;
    let first = person.reads()?;

    let ours = async |writer: usize| {
        for round in 0..ROUNDS {
            // Two of them take back what two others write.
            let command = if (writer + round).is_multiple_of(2) {
                "apply"
            } else {
                "remove"
            };
            person.profiles(&[command]).await?.expect_code(0)?;
        }
        Ok::<_, anyhow::Error>(())
    };
    // The AWS CLI reads and writes in place. What it reads just before our rename it writes over it, so each of its
    // settings is looked for right after it.
    let theirs = async || {
        let mut overtaken = 0;
        for round in 0..ROUNDS {
            let profile = format!("theirs-{round}");
            person
                .aws(&["configure", "set", "region", "eu-west-1", "--profile", &profile])
                .await?
                .expect_code(0)?;
            overtaken += usize::from(!person.reads()?.contains(&profile));
        }
        Ok::<_, anyhow::Error>(overtaken)
    };
    let (one, two, three, four, overtaken) = tokio::join!(ours(0), ours(1), ours(0), ours(1), theirs());
    one.and(two).and(three).and(four)?;
    let overtaken = overtaken?;

    person.profiles(&["apply"]).await?.expect_code(0)?;
    let written = person.reads()?;
    let kept = (0..ROUNDS)
        .filter(|round| written.contains(&format!("[profile theirs-{round}]")))
        .count();
    // A rename fits between its reading and its writing, and the other way round, once in a while.
    ensure!(
        kept + overtaken + 1 >= ROUNDS,
        "{kept} of {ROUNDS} settings are left, {overtaken} were overtaken\n{written}"
    );
    let ours = |text: &str| {
        Ok::<_, anyhow::Error>(
            text.split("# >>>")
                .nth(1)
                .context("our block")?
                .split("# <<<")
                .next()
                .map(str::to_owned),
        )
    };
    assert_eq!(ours(&written)?, ours(&first)?);
    assert_eq!(written.matches("# >>> portray").count(), 1);
    assert_eq!(person.names()?, ["config", "credentials"]);
    person
        .aws(&["configure", "list-profiles"])
        .await?
        .expect_code(0)?;
    Ok(())
}
