//! Settings of our last profile that stand behind our end marker: the AWS CLI adds them at the end of the file.

use super::*;

const SET: &str = "region = us-east-1\ns3 =\n    addressing_style = path\n";

#[test]
fn c4_what_the_aws_cli_adds_behind_the_block_is_the_last_profile_s_own() {
    let wish = wish(two_roles());
    let first = applied(FOREIGN, &wish);
    let billing = "--permission-set Billing\n";
    let set = format!("{first}# mine\nregion = us-east-1\n\ns3 =\n    addressing_style = path\n");
    let plan = planned(Some(&set), &wish);
    let changes: Vec<_> = plan.profiles.iter().map(|profile| profile.change).collect();
    assert_eq!(changes, [Change::Same, Change::Changed]);
    let gathered = text(&plan.after);
    let moved = first.replace(billing, &format!("{billing}{SET}"));
    assert_eq!(gathered, format!("{moved}# mine\n\n"));
    assert_eq!(applied(&gathered, &wish), gathered);

    // One that comes behind it does not get them.
    let mut more = two_roles();
    more.push(role("333344445555", "zebra", "Admin"));
    let later = applied(&set, &self::wish(more));
    let next = format!("{billing}{SET}\n[profile zebra-Admin]\n");
    assert!(
        later.contains(&next) && later.ends_with(&format!("{END}\n# mine\n\n")),
        "{later}"
    );

    // They go with it, to whichever section stands in front of the block.
    for config in [format!("{first}{SET}"), moved] {
        let back = text(&taken_back(Some(config.as_bytes())).unwrap());
        assert_eq!(back, FOREIGN, "{config}");
        let mut fewer = two_roles();
        fewer.pop();
        let gone = applied(&config, &self::wish(fewer));
        assert!(
            gone.ends_with(&format!("--permission-set ReadOnly\n{END}\n")),
            "{gone}"
        );
    }
}

#[test]
fn c4_a_region_that_is_wished_for_stands_once_where_the_aws_cli_has_set_one() {
    let mut wish = wish(two_roles());
    let set = format!(
        "{}region = us-east-1\n[profile later]\nregion = x\n",
        applied("", &wish)
    );
    wish.region = Some("eu-west-1".to_owned());
    let config = applied(&set, &wish);
    assert!(
        !config.contains("us-east-1") && config.matches("region = eu-west-1").count() == 2,
        "{config}"
    );
    assert!(
        config.ends_with(&format!("{END}\n[profile later]\nregion = x\n")),
        "{config}"
    );
}

#[test]
fn c4_a_part_of_a_value_and_a_section_of_a_person_s_own_are_gathered_too() {
    let wish = wish(two_roles());
    let first = applied("", &wish);
    let nested = first.replace(END, &format!("s3 =\n    a = b\n\n{END}")) + "    c = d";
    let config = applied(&nested, &wish);
    assert!(
        config.ends_with(&format!("s3 =\n    a = b\n    c = d\n{END}\n")),
        "{config}"
    );

    let mine = "[profile mine]\noutput = json\n";
    let mine_inside = first.replace(END, &format!("{mine}{END}")) + "region = x\n";
    let back = text(&taken_back(Some(mine_inside.as_bytes())).unwrap());
    assert_eq!(back, format!("{mine}region = x\n"));
    assert_eq!(
        applied(&mine_inside, &wish),
        first.replace(END, &format!("\n{mine}region = x\n{END}"))
    );
}

#[test]
fn c4_a_profile_of_a_portal_that_is_not_asked_keeps_what_was_added_behind_it() {
    let all = wish(two_roles());
    let mut config = applied("", &all);
    config.push_str(SET);
    let other = Wish {
        listings: vec![Listing {
            portal: portal("other"),
            is_complete: true,
            roles: vec![role("333344445555", "zebra", "Admin")],
            unclear: Vec::new(),
        }],
        ..all
    };
    let plan = planned(Some(&config), &other);
    let changes: Vec<_> = plan.profiles.iter().map(|profile| profile.change).collect();
    assert_eq!(changes, [Change::Same, Change::Changed, Change::New]);
    let after = text(&plan.after);
    assert!(
        after.contains(&format!("Billing\n{SET}\n[profile zebra-Admin]\n")),
        "{after}"
    );
}

proptest! {
    #[test]
    fn c4_settings_behind_the_block_are_gathered_once_and_go_with_the_profile(
        bytes in corpus::clear_files(),
        settings in corpus::settings(),
    ) {
        let wish = wish(two_roles());
        let Content::Bytes(first) = plan(Some(&bytes), None, &wish).unwrap().after else { panic!() };
        let set = [&first[..], &settings].concat();
        let Content::Bytes(now) = plan(Some(&set), None, &wish).unwrap().after else { panic!() };
        let Content::Bytes(again) = plan(Some(&now), None, &wish).unwrap().after else { panic!() };
        prop_assert_eq!(&again, &now);

        // Blank lines and comments are nobody's.
        let lines = std::str::from_utf8(&settings).unwrap().split_inclusive('\n');
        let is_left = |line: &&str| line.trim().is_empty() || line.trim().starts_with('#');
        let left: String = lines.clone().filter(is_left).collect();
        let block = edit::block_of(&now).unwrap().unwrap();
        prop_assert_eq!(&now[block.whole.end..], left.as_bytes());
        let inside = String::from_utf8(now[block.body].to_vec()).unwrap();
        let last = inside.rsplit("[profile ").next().unwrap();
        for line in lines.filter(|line| !is_left(line)) {
            prop_assert!(last.lines().any(|inside| inside.trim() == line.trim()), "{}", line);
        }
        let back = taken_back(Some(&set)).unwrap();
        prop_assert_eq!(&taken_back(Some(&now)).unwrap(), &back);
        if left.is_empty() {
            prop_assert_eq!(back, Content::Bytes(bytes));
        }
    }
}
