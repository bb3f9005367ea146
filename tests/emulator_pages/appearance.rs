//! How the emulator's pages look: hostile names stay text, and nothing is wider than the window.

use anyhow::{Context as _, Result, ensure};
use identity_center_emulator::World;
use serde_json::json;

use super::scene::Scene;

/// Elements that the pages are made of. Whatever else there is came out of a name.
const ELEMENTS: &str = "html head meta title link script body header main footer nav section div span p h1 h2 h3 ul li \
    dl dt dd a strong bdi code time output form label input textarea button";

/// Says which elements and attributes are not of the pages' own making.
const FOREIGN: &str = "const known = new Set(arguments[0].split(/\\s+/)); \
    const foreign = [...document.querySelectorAll('*')].filter(one => !known.has(one.localName) \
      || one.getAttributeNames().some(name => name.startsWith('on') || name === 'style')); \
    const scripts = [...document.scripts].filter(one => one.getAttribute('src') !== '/emulator.js'); \
    const links = [...document.links].filter(one => !/^https?:$/.test(one.protocol) \
      || (one.host !== location.host && !one.host.endsWith('.hostile.example'))); \
    return [...foreign, ...scripts, ...links].map(one => one.outerHTML.slice(0, 200))";

#[tokio::test]
async fn hostile_names_make_no_element_no_script_and_no_dialog() -> Result<()> {
    let scene = Scene::set("hostile").await?;
    let world = World::hostile();
    let inert = async |what: &str| -> Result<()> {
        let foreign = scene
            .person
            .client()
            .execute(FOREIGN, vec![ELEMENTS.into()])
            .await;
        let foreign = foreign.with_context(|| format!("{what}: a dialog is open?"))?;
        ensure!(foreign == json!([]), "{what}: {foreign}");
        Ok(())
    };
    let visit = async |path: &str| -> Result<()> {
        scene.open(path).await?;
        inert(path).await
    };
    let query = |pairs: &[(&str, &str)]| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs).finish()
    };
    // The names that could become more than text; all of them are on the lists and on their own pages.
    let could_break_out = |name: &str| name.contains(['<', '&', '"', '\'', '\u{202e}']);
    // A field takes one line without control characters: these can be typed.
    for user in world.users.iter().filter(|user| could_break_out(&user.name)) {
        scene.open("/start").await?;
        let fill = "document.getElementById('username').value = arguments[0]";
        let filled = scene.person.client().execute(fill, vec![json!(user.name)]);
        filled.await?;
        scene.person.click("#next").await?;
        scene.person.click("#password").await?;
        inert(&user.name).await?;
        scene.person.type_here("demo", true).await?;
        scene.person.click("#sign-out").await?;
    }
    scene.open("/start").await?;
    scene.person.authenticate("amara", "demo-amara").await?;
    let pages = world.accounts.len().div_ceil(25);
    for page in 1..=pages {
        visit(&format!("/start?page={page}")).await?;
    }
    visit("/start/applications").await?;
    let account = world.accounts[0].id.as_str();
    for set in &world.permission_sets {
        let role = query(&[("account_id", account), ("role_name", &set.name)]);
        visit(&format!("/start/keys?{role}")).await?;
        if could_break_out(&set.name) {
            visit(&format!("/start?{}", query(&[("search", &set.name)]))).await?;
            visit(&format!("/start/console?{role}")).await?;
            visit("/oauth?Action=logout").await?;
        }
    }
    for account in world.accounts.iter().filter(|one| could_break_out(&one.name)) {
        let role = query(&[("account_id", &account.id), ("role_name", "ReadOnly")]);
        visit(&format!("/start/console?{role}")).await?;
        scene.told("#role", "ReadOnly").await?;
        // The refusal names the account that is in the way.
        visit(&format!(
            "/start/console?account_id={}&role_name=ReadOnly",
            world.accounts[3].id
        ))
        .await?;
        scene.open("/oauth?Action=logout").await?;
    }
    for application in world.applications.iter().filter(|one| could_break_out(&one.name)) {
        let device = scene.ask_for_device(&application.name).await?;
        scene.person.open(&device.page).await?;
        scene.told("#user-code", &device.user_code).await?;
        inert(&application.name).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_page_fits_a_narrow_window_with_text_of_double_size() -> Result<()> {
    const MEASURE: &str = "document.documentElement.style.fontSize = arguments[0]; \
        return [innerWidth, document.documentElement.scrollWidth - document.documentElement.clientWidth]";
    let scene = Scene::set_narrow("hostile").await?;
    let fits = async |what: &str| -> Result<()> {
        for size in ["100%", "200%"] {
            let measured = scene.person.client().execute(MEASURE, vec![json!(size)]).await?;
            ensure!(
                measured == json!([320, 0]),
                "{what} with text of {size}: {measured}"
            );
        }
        Ok(())
    };
    scene.open("/start").await?;
    fits("the user name").await?;
    scene.person.type_here("amara", true).await?;
    scene.told("label", "Password").await?;
    fits("the password").await?;
    scene.person.type_here("wrong", true).await?;
    scene.told("#problem", "not right").await?;
    fits("a refusal").await?;
    scene.person.type_here("demo-amara", true).await?;
    scene.told("#found", "accounts").await?;
    let role = "account_id=660000000000&role_name=ReadOnly";
    for path in [
        "/start",
        "/start?page=4",
        "/start/applications",
        &format!("/start/keys?{role}"),
        &format!("/start/console?{role}"),
        "/start/console?account_id=660000000001&role_name=ReadOnly",
        "/sessions/v1/opt-in",
        "/device",
        "/device?user_code=AAAA-AAAA",
    ] {
        scene.open(path).await?;
        fits(path).await?;
    }
    let device = scene.ask_for_device(&"program".repeat(30)).await?;
    scene.person.open(&device.page).await?;
    scene.told("#user-code", &device.user_code).await?;
    fits("the code to compare").await?;
    Ok(())
}
