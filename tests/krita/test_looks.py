"""The docker in every dress: narrow and wide, dark and light, English and Chinese, on either side, on a screen with fine dots."""

from dataclasses import dataclass

import pytest

from .running import Profile
from .studio import Studio, a_studio, open_painting

PROMPT = "a white lighthouse on the headland, evening light"
#: Krita's names for its themes; since version 6 it is their file that counts.
THEMES = {"dark": ("Krita dark", "KritaDark"), "light": ("Krita bright", "KritaBright")}


@dataclass(frozen=True)
class Dress:
    """`width` in pixels as Qt counts them; `scale` is how many dots of the screen make one."""

    theme: str
    language: str
    side: str
    width: int
    scale: int = 1

    @property
    def name(self) -> str:
        fine = f"-{self.scale}x" if self.scale > 1 else ""
        return f"{self.theme}-{self.language}-{self.side}-{self.width}{fine}"


DRESSES = (
    Dress("dark", "en", "right", 260),
    Dress("light", "en", "left", 420),
    Dress("light", "zh_CN", "right", 260),
    Dress("dark", "zh_CN", "left", 420),
    Dress("dark", "en", "right", 300, scale=2),
)


def dressed(profile: Profile, dress: Dress) -> None:
    """Writes Krita's settings for it."""
    name, file = THEMES[dress.theme]
    settings = profile.home / ".config/kritarc"
    groups = {"theme": f"Theme={name}", "UiSettings": f"ColorScheme={file}", "wakebrush": f"language={dress.language}"}
    more = "".join(f"\n[{group}]\n{line}\n" for group, line in groups.items())
    settings.write_text(settings.read_text(encoding="utf-8") + more, encoding="utf-8")


@pytest.mark.screenshot
@pytest.mark.parametrize("dress", DRESSES, ids=lambda dress: dress.name)
def test_all_text_can_be_read_in_every_dress(version, profile, shoot, dress):
    with profile.lent() as own:
        dressed(own, dress)
        scale = {"QT_SCALE_FACTOR": str(dress.scale)} if dress.scale > 1 else {}
        with a_studio(version, own, **scale) as studio:
            krita = studio.krita
            open_painting(krita)
            assert krita.ask("looks.put", side=dress.side, width=dress.width) <= dress.width
            assert krita.ask("looks.is_dark") is (dress.theme == "dark")
            krita.ask("results.settings", prompt=PROMPT, strength=60)
            readable(studio, "asleep")
            studio.press("generate")
            krita.until("docker.look", "the bar", lambda said: said["progress"])
            readable(studio, "at work")
            studio.until_there_are(1)
            studio.until_idle()
            krita.until("results.look", "the picture over the canvas", lambda said: said["over_the_canvas"])
            readable(studio, "with a result")
            shoot(krita, f"look-{dress.name}")
            krita.hand.click(krita.ask("docker.where", name="full_view"))
            krita.ask("window.wait", seconds=0.5)
            readable(studio, "with everything open")
            shoot(krita, f"look-{dress.name}-full")


def readable(studio: Studio, when: str) -> None:
    assert studio.krita.ask("looks.cut_off") == [], when
