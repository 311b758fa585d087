"""The pages people see: login, logout, and what went wrong. In Portuguese, without scripts."""

from pathlib import Path
from typing import Any, Final

import jinja2
from starlette.responses import HTMLResponse

from devstack.oidc.settings import ProviderSettings, origin_of
from devstack.people import PEOPLE

FOLDER: Final = Path(__file__).parent

_ROLES: Final = {
    "admin": "administração",
    "agent": "atendimento",
    "viewer": "consulta",
    "dpo": "encarregado de dados",
}


class Pages:
    """Renders the templates."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.globals |= {
            "prefix": settings.prefix,
            "application_url": settings.application_url,
        }

    def login(self, *, token: str, username: str, problem: str | None = None) -> str:
        """The login form; `problem` says what was wrong with the last attempt."""
        return self._render(
            "login.html", token=token, username=username, problem=problem, people=_sample_people()
        )

    def confirm_logout(self, *, token: str, name: str) -> str:
        """Asked when a link cannot prove that it comes from the application."""
        return self._render("logout.html", token=token, name=name)

    def message(self, title: str, text: str, *, detail: str = "") -> str:
        """One sentence, and the way back to the application."""
        return self._render("message.html", title=title, text=text, detail=detail)

    def response(
        self, html: str, status_code: int = 200, *, form_leads_to: str | None = None
    ) -> HTMLResponse:
        """Headers every page carries.

        Chrome applies `form-action` to the redirect after a form, too: the address the form
        finally leads to must be in it.
        """
        form_action = "'self'" if form_leads_to is None else f"'self' {origin_of(form_leads_to)}"
        policy = (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
            f"frame-ancestors 'none'; form-action {form_action}"
        )
        headers = {
            "Cache-Control": "no-store",
            "Content-Language": "pt-BR",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        return HTMLResponse(html, status_code, headers=headers)

    def _render(self, template: str, **values: Any) -> str:
        return self._templates.get_template(template).render(**values)


def _sample_people() -> list[dict[str, str]]:
    return [
        {
            "username": person.username,
            "organization": person.organization.name,
            "role": ", ".join(_ROLES[role.value] for role in person.roles),
        }
        for person in PEOPLE.values()
    ]
