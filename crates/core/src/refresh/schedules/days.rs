//! Days that once broke a rule, as they were when they had been made as short as they could be.

use super::Mood::{Answers, Silent, Throttles};
use super::Step::{self, Advance, Crowd, Insist, Jump, Request, SignIn, Suspend};
use super::quiet::runtime;
use super::{Day, lived};

/// What happened, the lives of a token and of a role's credentials in seconds, and the day.
const DAYS: [(&str, u64, u64, &[Step]); 13] = [
    (
        "two sign-ins in a row want the same role while AWS throttles and then asks to wait for a second",
        450,
        900,
        &[
            Request(2),
            Step::Mood(Throttles(None)),
            SignIn,
            Request(0),
            Jump(402, Some(1)),
            SignIn,
            Step::Mood(Throttles(Some(1))),
            Advance(0.878_435_845_393_231_3),
        ],
    ),
    (
        "nine tools ask, the machine sleeps until all has run out, and a person signs in before anybody asks again",
        60,
        30,
        &[Crowd(9), Suspend(2.249_666_620_367_516_4), SignIn, Request(0)],
    ),
    (
        "roles of fifteen tools are due after a sleep when AWS falls silent, and a sign-in begins the pauses anew",
        150,
        300,
        &[
            Crowd(15),
            Suspend(0.610_165_330_301_866_3),
            Step::Mood(Silent),
            SignIn,
            Advance(0.471_123_344_758_326_23),
        ],
    ),
    (
        "ten roles run out in two sleeps in a row, with a token that was renewed between two of their calls",
        60,
        30,
        &[
            Advance(0.510_069_103_504_856_5),
            Crowd(10),
            Advance(0.0),
            Suspend(1.290_641_515_531_203_4),
            Suspend(2.224_106_421_351_992_8),
            Advance(0.861_112_071_858_363_8),
        ],
    ),
    (
        "the clock is set back by less than a token has left just before that is renewed",
        450,
        900,
        &[
            Request(2),
            Advance(0.973_353_880_555_481_7),
            Jump(-212, None),
            Advance(0.387_756_177_920_217_4),
        ],
    ),
    (
        "a tool asks after two sleeps for what the background has begun to renew for ten",
        60,
        30,
        &[
            Crowd(10),
            Suspend(1.368_356_004_326_927_2),
            Suspend(2.197_618_227_804_438_7),
            Request(0),
        ],
    ),
    (
        "the clock is set forward between two sleeps while nine roles are renewed",
        450,
        900,
        &[
            Suspend(1.169_307_569_879_343_4),
            Crowd(9),
            Jump(241, None),
            Suspend(0.831_553_837_648_921_2),
            Advance(0.723_186_501_795_493_4),
        ],
    ),
    (
        "sixteen tools ask at once while AWS throttles and the token has run out",
        60,
        30,
        &[
            Request(2),
            Advance(1.157_331_135_933_429_3),
            Step::Mood(Throttles(None)),
            Crowd(16),
        ],
    ),
    (
        "the clock is set back by more than a life after a sign-in, with four tools at work",
        900,
        900,
        &[
            Advance(0.367_777_092_305_503_4),
            Advance(0.326_977_273_958_878_2),
            Advance(0.030_492_547_578_307_987),
            SignIn,
            Crowd(4),
            Jump(-812, None),
            Advance(1.099_354_688_454_848),
        ],
    ),
    (
        "a tool insists after a sleep in which AWS fell silent, and goes away again",
        150,
        300,
        &[
            Step::Mood(Silent),
            Suspend(0.772_358_625_069_196_5),
            Insist(6),
            Advance(1.157_436_598_666_294_3),
        ],
    ),
    (
        "the clock is set by half a minute, which is granted, between requests of long lives",
        21_600,
        43_200,
        &[Request(0), Jump(33, None), Request(1), Crowd(4)],
    ),
    (
        "a tool insists as AWS comes back after a sleep, with all roles run out at the same time as the token",
        60,
        60,
        &[
            Crowd(4),
            Step::Mood(Silent),
            Suspend(0.996_394_327_040_853_5),
            Step::Mood(Answers),
            Insist(7),
        ],
    ),
    (
        "somebody asks once in a silence that the background has already met in its own turn",
        150,
        300,
        &[
            Step::Mood(Silent),
            Suspend(1.570_205_945_322_210_4),
            Advance(0.230_837_390_162_030_73),
            Request(0),
            Advance(0.609_272_466_623_603),
        ],
    ),
];

#[test]
fn t5_days_that_once_broke_a_rule_keep_all_of_them() {
    for (what, token_life, role_life, steps) in DAYS {
        let day = Day {
            token_life,
            role_life,
            steps: steps.to_vec(),
        };
        let kept = runtime().block_on(lived(&day));
        assert!(kept.is_ok(), "{what}: {kept:?}");
    }
}
