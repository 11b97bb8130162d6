"""The counts of a simulation, on a terminal of 80 columns."""

from __future__ import annotations

from flowrules.report.simulation_text import simulation_text

REASONS = ("no_address", "no_consent", "unsubscribed", "capped", "template_error", "journey_ended", "suppressed")


def test_nothing_is_wider_than_a_terminal() -> None:
    name = "win_back_of_customers_who_have_gone_quiet_last_winter"
    campaign = {
        "name": name,
        "entered": 1_234_567,
        "in_journey": 12_345,
        "exits": {},
        "sent": 1_234_567,
        "withheld": dict.fromkeys(REASONS, 1_234),
        "held": {},
        "held_out": 123_456,
    }
    facts = {
        "from": "2026-03-01T00:00:00Z",
        "until": "2026-03-15T00:00:00Z",
        "customers": 1_234_567,
        "seed": 0,
        "campaigns": [campaign],
        "cpu_s": 1.5,
        "ticks": 14,
    }
    text = simulation_text(facts, "Europe/Madrid")
    assert max(map(len, text.split("\n"))) <= 80
    assert name in text
    assert all(reason.replace("_", " ") in " ".join(text.split()) for reason in REASONS)
