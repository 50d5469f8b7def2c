"""Signing in and out, setting up from an invitation, confirming, and one's own account."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.documents import qr
from invoice_service.domain.pin import BadPin
from invoice_service.domain.policy import Actor, OutOfScope, Role, check_fresh
from invoice_service.errors import Error
from invoice_service.flow import confirm as confirming
from invoice_service.flow import own_sign_in, passkeys, proof, sessions, sign_in
from invoice_service.flow.own_sign_in import NewSecret
from invoice_service.flow.sessions import SignedIn
from invoice_service.queries import own_account
from invoice_service.web import identity
from invoice_service.web.account import asking
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import told, told_fields
from invoice_service.web.identity import actor

blueprint = Blueprint("account", __name__, url_prefix="/account")
HOMES = {Role.VENDOR: "/vendor", Role.OPERATOR: "/market", Role.OFFICER: "/officer"}  # others' is here
SIGN_IN, SET_UP, CONFIRM, ADD = "sign in", "set up", "confirm", "add"  # what a passkey is asked for


@blueprint.context_processor
def _who() -> dict[str, Any]:
    return {"me": identity.maybe_actor(), "passkeys_here": asking.site() is not None}


# Signing in and out.


@blueprint.get("/login")
@audience(Audience.SIGN_IN)
def login() -> AnyResponse | str:
    already = identity.maybe_actor()
    if already is not None:
        return redirect(own_path(request.args.get("next")) or _home(already), 303)
    return _login_page({}, {})


@blueprint.post("/login")
@audience(Audience.SIGN_IN)
def login_with_password() -> AnyResponse | tuple[str, int]:
    form = request.form.to_dict()
    try:
        signed_in = sign_in.with_password(
            services(), form.get("login", ""), form.get("password", ""), form.get("code", ""), asking.visit()
        )
    except Error as error:
        return _with_retry(_login_page(form, _errors(error, "refused")), error)
    return _entered(signed_in)


@blueprint.get("/login/passkey")
@audience(Audience.SIGN_IN)
def login_options() -> Response:
    return _json(passkeys.options_to_sign(*asking.challenge(SIGN_IN)))


@blueprint.post("/login/passkey")
@audience(Audience.SIGN_IN)
def login_with_passkey() -> AnyResponse | tuple[str, int]:
    try:
        signed_in = sign_in.with_passkey(services(), asking.answer(SIGN_IN), asking.visit())
    except Error as error:
        return _with_retry(_login_page(request.form.to_dict(), _errors(error, "passkey")), error)
    return _entered(signed_in)


@blueprint.post("/sign-out")
@audience(Audience.SIGNED_IN)
def sign_out() -> AnyResponse:
    sessions.end(services(), actor(), actor().session_id)
    asking.start_anew()
    response = redirect(url_for("account.login"), 303)
    identity.forget(response)
    return response


# Setting up from an invitation.


@blueprint.get("/set-up/<token>")
@audience(Audience.SIGN_IN)
def set_up(token: str) -> str:
    return _set_up_page(token, {})


@blueprint.post("/set-up/<token>")
@audience(Audience.SIGN_IN)
def set_up_with_password(token: str) -> AnyResponse | tuple[str, int]:
    try:
        signed_in, codes = own_sign_in.set_up_password(services(), token, _new_secret(), asking.visit())
    except Error as error:
        if not error.fields:
            raise
        return _set_up_page(token, told_fields(error)), error.status
    asking.start_anew()
    return asking.let_in(signed_in, _codes_page(codes, signed_in.actor))


@blueprint.get("/set-up/<token>/passkey")
@audience(Audience.SIGN_IN)
def set_up_options(token: str) -> Response:
    return _json(passkeys.options_for_invited(services(), token, *asking.challenge(SET_UP)))


@blueprint.post("/set-up/<token>/passkey")
@audience(Audience.SIGN_IN)
def set_up_with_passkey(token: str) -> AnyResponse | tuple[str, int]:
    try:
        signed_in = own_sign_in.set_up_passkey(services(), token, asking.answer(SET_UP), asking.visit())
    except (passkeys.PasskeyRefused, own_sign_in.PasskeyKnown) as error:
        return _set_up_page(token, _errors(error, "passkey")), error.status
    return _entered(signed_in)


# Confirming once more.


@blueprint.get("/confirm")
@audience(Audience.SIGNED_IN)
def confirm() -> str:
    return _confirm_page({})


@blueprint.post("/confirm/pin")
@audience(Audience.SIGNED_IN)
def confirm_with_pin() -> AnyResponse | tuple[str, int]:
    try:
        confirming.with_pin(services(), actor(), request.form.get("pin", ""), request.remote_addr or "")
    except Error as error:
        return _with_retry(_confirm_page(_errors(error, "pin")), error)
    return _onward()


@blueprint.post("/confirm/password")
@audience(Audience.SIGNED_IN)
def confirm_with_password() -> AnyResponse | tuple[str, int]:
    given, code = request.form.get("password", ""), request.form.get("code", "")
    try:
        confirming.with_password(services(), actor(), given, code, request.remote_addr or "")
    except Error as error:
        return _with_retry(_confirm_page(_errors(error, "refused")), error)
    return _onward()


@blueprint.get("/confirm/passkey")
@audience(Audience.SIGNED_IN)
def confirm_options() -> Response:
    return _json(passkeys.options_to_confirm(services(), actor(), *asking.challenge(CONFIRM)))


@blueprint.post("/confirm/passkey")
@audience(Audience.SIGNED_IN)
def confirm_with_passkey() -> AnyResponse | tuple[str, int]:
    try:
        confirming.with_passkey(services(), actor(), asking.answer(CONFIRM))
    except Error as error:
        return _with_retry(_confirm_page(_errors(error, "passkey")), error)
    return _onward()


# One's own account.


@blueprint.get("")
@audience(Audience.SIGNED_IN)
def home() -> str:
    return _account_page({})


@blueprint.post("/sessions/<int:session_id>/end")
@audience(Audience.SIGNED_IN)
def end_session(session_id: int) -> AnyResponse:
    if session_id == actor().session_id:
        return sign_out()
    sessions.end(services(), actor(), session_id)
    return redirect(url_for("account.home"), 303)


@blueprint.post("/sessions/end-others")
@audience(Audience.SIGNED_IN)
def end_other_sessions() -> AnyResponse:
    sessions.end_others(services(), actor())
    return redirect(url_for("account.home"), 303)


@blueprint.get("/passkeys/options")
@audience(Audience.SIGNED_IN)
def passkey_options() -> Response:
    return _json(passkeys.options_for_another(services(), actor(), *asking.challenge(ADD)))


@blueprint.post("/passkeys")
@audience(Audience.SIGNED_IN)
def add_passkey() -> AnyResponse | tuple[str, int]:
    try:
        own_sign_in.add_passkey(services(), actor(), asking.answer(ADD), asking.visit().device)
    except (passkeys.PasskeyRefused, own_sign_in.PasskeyKnown, own_sign_in.TooManyPasskeys) as error:
        return _account_page(_errors(error, "passkey")), error.status
    return redirect(url_for("account.home"), 303)


@blueprint.post("/passkeys/remove")
@audience(Audience.SIGNED_IN)
def remove_passkey() -> AnyResponse | tuple[str, int]:
    try:
        own_sign_in.remove_passkey(services(), actor(), _passkey_id(request.form.get("passkey", "")))
    except own_sign_in.LastWayIn as error:
        return _account_page(_errors(error, "passkey")), error.status
    return redirect(url_for("account.home"), 303)


@blueprint.get("/password")
@audience(Audience.SIGNED_IN)
def password() -> str:
    check_fresh(actor(), services().clock())
    return _password_page({})


@blueprint.post("/password")
@audience(Audience.SIGNED_IN)
def set_password() -> str | tuple[str, int]:
    try:
        codes = own_sign_in.set_password(services(), actor(), _new_secret())
    except Error as error:
        if not error.fields:
            raise
        return _password_page(told_fields(error)), error.status
    asking.forget_secret()
    return _codes_page(codes, actor())


@blueprint.get("/pin")
@audience(Audience.VENDOR)
def pin() -> str:
    check_fresh(actor(), services().clock())
    return render_template("account/pin.html", errors={})


@blueprint.post("/pin")
@audience(Audience.VENDOR)
def set_pin() -> AnyResponse | tuple[str, int]:
    form = request.form
    try:
        own_sign_in.set_pin(services(), actor(), form.get("pin", ""), form.get("pin_again", ""))
    except BadPin as error:
        return render_template("account/pin.html", errors=told_fields(error)), error.status
    return redirect(url_for("account.home"), 303)


@blueprint.post("/recovery-codes")
@audience(Audience.SIGNED_IN)
def recovery_codes() -> str:
    return _codes_page(own_sign_in.new_recovery_codes(services(), actor()), actor())


# Their parts.


def own_path(text: str | None) -> str | None:
    """A path of this site, and nothing that a browser takes for another site: `//host`, `/\\host`, …"""
    if not text or not text.startswith("/") or text.startswith("//"):
        return None
    if "\\" in text or not text.isprintable() or " " in text:
        return None
    parts = urlsplit(text)
    return None if parts.scheme or parts.netloc else text


def _next() -> str | None:
    return own_path(request.values.get("next"))


def _home(person: Actor) -> str:
    return HOMES.get(person.role) or url_for("account.home")


def _entered(signed_in: SignedIn) -> AnyResponse:
    asking.start_anew()
    return asking.let_in(signed_in, redirect(_next() or _home(signed_in.actor), 303))


def _onward() -> AnyResponse:
    return redirect(_next() or _home(actor()), 303)


def _errors(error: Error, field: str) -> dict[str, str]:
    return told_fields(error) or {field: told(error.message, error.parameters)}


def _with_retry(page: str, error: Error) -> AnyResponse:
    response = Response(page, status=error.status, mimetype="text/html")
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _json(text: str) -> Response:
    return Response(text, mimetype="application/json")


def _new_secret() -> NewSecret:
    """What the form chose, for the secret that it was shown."""
    form = request.form
    return NewSecret(form.get("password", ""), asking.new_secret(), form.get("code", ""))


def _passkey_id(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise OutOfScope from None


def _login_page(form: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("account/login.html", form=form, errors=errors, next=_next())


def _set_up_page(token: str, errors: dict[str, str]) -> str:
    found = own_account.invited(services(), token)
    enrol = _enrolment(found.login)
    return render_template("account/set_up.html", token=token, invited=found, errors=errors, **enrol)


def _confirm_page(errors: dict[str, str]) -> str:
    ways = own_account.ways_to_confirm(services(), actor())
    return render_template("account/confirm.html", ways=ways, errors=errors, next=_next())


def _account_page(errors: dict[str, str]) -> str:
    found = own_account.account(services(), actor())
    desk = HOMES.get(found.role)
    return render_template("account/home.html", account=found, errors=errors, desk=desk)


def _password_page(errors: dict[str, str]) -> str:
    return render_template("account/password.html", errors=errors, **_enrolment(actor().name))


def _codes_page(codes: tuple[str, ...], person: Actor) -> str:
    return render_template("account/codes.html", codes=codes, me=person, home=_home(person))


def _enrolment(name: str) -> dict[str, str]:
    """An authenticator's new secret as a QR code, and in groups of four to type."""
    secret = asking.new_secret()
    uri = proof.enrolment_uri(secret, name)
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return {
        "secret": groups,
        "enrolment_uri": uri,
        "qr": Markup(qr.svg(uri, title=gettext("QR code for your authenticator app"))),  # noqa: S704 - our drawing
    }
