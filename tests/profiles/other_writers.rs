//! Others write the same file all the time: several of ours, and the AWS CLI, which knows nothing of our lock.

use anyhow::{Context, Result, ensure};

use super::{FOREIGN, Person};

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

/// The AWS CLI adds a setting of a file's last profile at the end of the file, behind our end marker.
#[tokio::test]
async fn c4_what_the_aws_cli_sets_for_the_last_profile_stays_with_it_and_goes_with_it() -> Result<()> {
    let person = Person::signed_in().await?;
    let few = ["apply", "--only", "acme-dev/*"];
    person.profiles(&few).await?.expect_code(0)?;
    let first = person.reads()?;
    let last_of = |config: &str| {
        let last = config.rsplit("[profile ").next()?.split(']').next()?;
        Some(last.to_owned())
    };
    let last = &last_of(&first).context("a profile")?;
    let set = async |profile: &str, key: &str, value: &str| {
        let arguments = ["configure", "set", key, value, "--profile", profile];
        person.aws(&arguments).await?.expect_code(0)?;
        person.reads()
    };
    set(last, "region", "eu-west-3").await?;
    let written = set(last, "s3.addressing_style", "path").await?;
    ensure!(
        written.starts_with(&first) && written.len() > first.len(),
        "behind our lines: {written}"
    );
    let plan = person
        .profiles(&["plan", "--only", "acme-dev/*"])
        .await?
        .expect_code(0)?;
    let is_moved = ["\n-# <<< portray", "\n+# <<< portray"].map(|line| plan.stdout.contains(line));
    assert_eq!(is_moved, [true; 2], "{plan:?}");
    person.profiles(&few).await?.expect_code(0)?;
    // A part of a value that stands in the block by now.
    let moved = person.reads()?;
    let written = set(last, "s3.max_queue_size", "7").await?;
    ensure!(written.starts_with(&moved), "behind our lines: {written}");

    person
        .profiles(&["apply", "--region", "eu-central-1"])
        .await?
        .expect_code(0)?;
    let applied = person.reads()?;
    ensure!(
        applied.ends_with("# <<< portray profiles <<<\n"),
        "nothing is left behind: {applied}"
    );
    let newest = &last_of(&applied).context("a profile")?;
    ensure!(newest != last, "one that is new stands behind it: {applied}");
    let of = async |profile: &str, key: &str| {
        let arguments = ["configure", "get", key, "--profile", profile];
        let got = person.aws(&arguments).await?;
        Ok::<_, anyhow::Error>(got.stdout.trim().to_owned())
    };
    for (profile, key, value) in [
        (last, "region", "eu-central-1"),
        (last, "s3.addressing_style", "path"),
        (last, "s3.max_queue_size", "7"),
        (newest, "region", "eu-central-1"),
        (newest, "s3.max_queue_size", ""),
    ] {
        assert_eq!(of(profile, key).await?, value, "{key} of {profile} in {applied}");
    }

    set(newest, "output", "json").await?;
    person.profiles(&["remove"]).await?.expect_code(0)?;
    assert_eq!(person.reads()?, FOREIGN);
    Ok(())
}
