//! Draws core's tray; a click on a line is the request that the line carries.

mod menu;

use std::sync::Mutex;

use portray_core::app::contract::{Mood, Request};
use portray_core::app::tray_menu::{Tray, label};
use tauri::image::Image;
use tauri::menu::Menu;
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, Wry};

pub use menu::clicked;

/// The icon in the tray, once there is one. Only the main thread touches it.
#[derive(Default)]
pub struct TrayState {
    drawn: Mutex<Option<Drawn>>,
}

struct Drawn {
    tray: Tray,
    icon: TrayIcon,
    menu: Menu<Wry>,
}

/// Draws `tray` soon, on the main thread, where menus live.
pub fn show(app: &AppHandle, tray: &Tray) {
    let tray = tray.clone();
    let handle = app.clone();
    let posted = app.run_on_main_thread(move || {
        let state = handle.state::<TrayState>();
        let mut drawn = state.drawn.lock().expect("nothing panics while it is held");
        if let Err(error) = draw(&handle, &mut drawn, tray) {
            tracing::error!("the tray cannot be drawn: {error}");
        }
    });
    if let Err(error) = posted {
        tracing::debug!("the tray is gone: {error}");
    }
}

/// What a click on the icon itself asks for. Linux reports none, and macOS opens the menu.
pub fn icon_clicked(event: &TrayIconEvent) -> Option<Request> {
    let left_released = matches!(
        event,
        TrayIconEvent::Click {
            button: MouseButton::Left,
            button_state: MouseButtonState::Up,
            ..
        }
    );
    (cfg!(windows) && left_released).then_some(Request::ShowWindow)
}

fn draw(app: &AppHandle, drawn: &mut Option<Drawn>, tray: Tray) -> tauri::Result<()> {
    match drawn {
        None => *drawn = Some(first(app, tray)?),
        Some(drawn) => {
            let before = std::mem::replace(&mut drawn.tray, tray);
            redraw(app, drawn, &before)?;
        }
    }
    Ok(())
}

fn first(app: &AppHandle, tray: Tray) -> tauri::Result<Drawn> {
    let menu = menu::drawn(app, &tray.menu)?;
    let icon = TrayIconBuilder::with_id("portray")
        .icon(icon(tray.mood))
        .icon_as_template(cfg!(target_os = "macos"))
        .tooltip(label(&tray.tooltip))
        .menu(&menu)
        .show_menu_on_left_click(!cfg!(windows))
        .build(app)?;
    Ok(Drawn { tray, icon, menu })
}

fn redraw(app: &AppHandle, drawn: &mut Drawn, before: &Tray) -> tauri::Result<()> {
    let Drawn {
        tray: now,
        icon,
        menu,
    } = drawn;
    if now.mood != before.mood {
        // In one step: macOS would show the picture before it is tinted.
        icon.set_icon_with_as_template(Some(self::icon(now.mood)), cfg!(target_os = "macos"))?;
    }
    if now.tooltip != before.tooltip {
        icon.set_tooltip(Some(label(&now.tooltip)))?;
    }
    if now.menu != before.menu
        && let Err(error) = menu::redraw(app, menu, &before.menu, &now.menu)
    {
        tracing::warn!(%error, "the tray's menu is made anew");
        *menu = menu::drawn(app, &now.menu)?;
        icon.set_menu(Some(menu.clone()))?;
    }
    Ok(())
}

/// The icons differ by shape, not only by colour. macOS tints a template; elsewhere nobody says whether the panel is
/// dark, so the picture for dark panels gets an edge that light ones show.
#[cfg(target_os = "macos")]
fn icon(mood: Mood) -> Image<'static> {
    match mood {
        Mood::Fresh => tauri::include_image!("../icons/tray/template/fresh-44.png"),
        Mood::Renewing => tauri::include_image!("../icons/tray/template/renewing-44.png"),
        Mood::EndsSoon => tauri::include_image!("../icons/tray/template/ends-soon-44.png"),
        Mood::SignInNeeded => tauri::include_image!("../icons/tray/template/sign-in-needed-44.png"),
        Mood::Offline => tauri::include_image!("../icons/tray/template/offline-44.png"),
        Mood::Empty => tauri::include_image!("../icons/tray/template/empty-44.png"),
    }
}

#[cfg(not(target_os = "macos"))]
fn icon(mood: Mood) -> Image<'static> {
    let picture = match mood {
        Mood::Fresh => tauri::include_image!("../icons/tray/dark/fresh-44.png"),
        Mood::Renewing => tauri::include_image!("../icons/tray/dark/renewing-44.png"),
        Mood::EndsSoon => tauri::include_image!("../icons/tray/dark/ends-soon-44.png"),
        Mood::SignInNeeded => tauri::include_image!("../icons/tray/dark/sign-in-needed-44.png"),
        Mood::Offline => tauri::include_image!("../icons/tray/dark/offline-44.png"),
        Mood::Empty => tauri::include_image!("../icons/tray/dark/empty-44.png"),
    };
    edged(&picture)
}

/// The picture with a dark edge of two pixels around everything that is drawn.
#[cfg(not(target_os = "macos"))]
fn edged(picture: &Image<'_>) -> Image<'static> {
    const EDGE: [u8; 3] = [0x2a, 0x2f, 0x45];
    const REACH: u32 = 2;
    let (width, height) = (picture.width(), picture.height());
    let pixels: Vec<[u8; 4]> = picture
        .rgba()
        .chunks_exact(4)
        .map(|p| [p[0], p[1], p[2], p[3]])
        .collect();
    let at = |x: u32, y: u32| pixels[(y * width + x) as usize];
    let around = |centre: u32, end: u32| centre.saturating_sub(REACH)..=(centre + REACH).min(end - 1);
    let mut edged = Vec::with_capacity(pixels.len() * 4);
    for y in 0..height {
        for x in 0..width {
            let neighbours =
                around(y, height).flat_map(|row| around(x, width).map(move |column| (column, row)));
            let shadow = neighbours
                .map(|(column, row)| at(column, row)[3])
                .max()
                .unwrap_or(0);
            edged.extend(over(at(x, y), EDGE, shadow));
        }
    }
    Image::new_owned(edged, width, height)
}

/// `top` drawn over an opaque colour that is `below_alpha` strong.
#[cfg(not(target_os = "macos"))]
fn over(top: [u8; 4], below: [u8; 3], below_alpha: u8) -> [u8; 4] {
    let strength = u32::from(top[3]);
    let rest = u32::from(below_alpha) * (255 - strength) / 255;
    let total = strength + rest;
    if total == 0 {
        return [0; 4];
    }
    let mixed = |top: u8, below: u8| {
        let colour = (u32::from(top) * strength + u32::from(below) * rest) / total;
        u8::try_from(colour).unwrap_or(u8::MAX)
    };
    [
        mixed(top[0], below[0]),
        mixed(top[1], below[1]),
        mixed(top[2], below[2]),
        u8::try_from(total).unwrap_or(u8::MAX),
    ]
}

#[cfg(all(test, not(target_os = "macos")))]
mod tests {
    use super::*;

    const MOODS: [Mood; 6] = [
        Mood::Fresh,
        Mood::Renewing,
        Mood::EndsSoon,
        Mood::SignInNeeded,
        Mood::Offline,
        Mood::Empty,
    ];

    fn shape(mood: Mood) -> Vec<u8> {
        icon(mood).rgba().chunks_exact(4).map(|pixel| pixel[3]).collect()
    }

    #[test]
    fn every_mood_has_a_shape_of_its_own() {
        for (index, mood) in MOODS.iter().enumerate() {
            for other in &MOODS[index + 1..] {
                assert_ne!(
                    shape(*mood),
                    shape(*other),
                    "{mood:?} and {other:?} differ by colour only"
                );
            }
        }
    }

    #[test]
    fn icons_are_seen_on_light_and_on_dark_panels() {
        for mood in MOODS {
            let icon = icon(mood);
            let solid = || icon.rgba().chunks_exact(4).filter(|pixel| pixel[3] > 200);
            assert!(
                solid().any(|pixel| pixel[..3].iter().all(|channel| *channel < 0x60)),
                "{mood:?}"
            );
            assert!(
                solid().any(|pixel| pixel[..2].iter().all(|channel| *channel > 0x80)),
                "{mood:?}"
            );
        }
    }
}
