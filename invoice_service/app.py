"""The only wiring: `build_services` makes what the service works with, `create_app` puts doors on it.

Read this file first. From here: `web/` (doors) → `flow/` (verbs) and `queries/` (reads) → `store/`,
`payments/`, `documents/` → `ledger/` (bytes and hashes) → `domain/` (rules).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from apispec import APISpec
from flask import Flask
from flask_smorest import Api
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from chain.relay import Relay
from invoice_service import keyring
from invoice_service.config import Config
from invoice_service.domain import goods_kinds, tax, threshold, vat_return
from invoice_service.mail.chosen import chosen_post, demo_folder
from invoice_service.onchain import ChainHeads, StatusCalls
from invoice_service.payments.provider import PaymentProvider
from invoice_service.payments.sandbox.provider import SandboxProvider
from invoice_service.queries import live as live_queries
from invoice_service.queries import market as market_queries
from invoice_service.services import Services
from invoice_service.store.unit_of_work import Database
from invoice_service.web import assets, audience, context, errors, locale, metrics, notify, uploads, visitors
from invoice_service.web.account.binding import blueprint as binding_blueprint
from invoice_service.web.account.records import blueprint as records_blueprint
from invoice_service.web.account.views import blueprint as account_blueprint
from invoice_service.web.api.allowances import blueprint as allowances_api
from invoice_service.web.api.baskets import blueprint as baskets_api
from invoice_service.web.api.cases import blueprint as cases_api
from invoice_service.web.api.claims import blueprint as claims_api
from invoice_service.web.api.complaints import blueprint as complaints_api
from invoice_service.web.api.exports import blueprint as exports_api
from invoice_service.web.api.market import blueprint as market_api
from invoice_service.web.api.people import blueprint as people_api
from invoice_service.web.api.returns import blueprint as returns_api
from invoice_service.web.api.supervision import blueprint as supervision_api
from invoice_service.web.api.vendor import blueprint as vendor_api
from invoice_service.web.api.views import blueprint as api_blueprint
from invoice_service.web.live import Live
from invoice_service.web.market.views import blueprint as market_blueprint
from invoice_service.web.officer.views import blueprint as officer_blueprint
from invoice_service.web.public.log import blueprint as log_blueprint
from invoice_service.web.public.mails import blueprint as mails_blueprint
from invoice_service.web.public.offline import blueprint as offline_blueprint
from invoice_service.web.public.rpc import blueprint as rpc_blueprint
from invoice_service.web.public.views import blueprint as public_blueprint
from invoice_service.web.shopper.views import blueprint as shopper_blueprint
from invoice_service.web.vendor.views import blueprint as vendor_blueprint

MERCHANT_ID = "stall-ledger-demo"
MAX_RELAYED_BYTES = 1_000_000  # the longest answer that a verifier needs is a block's header

# py_ecc, below web3, raises this to 100,000 when it is imported. A thread's stack holds far less, so
# that one request with deeply nested JSON would end the whole process instead of being refused.
sys.setrecursionlimit(1_000)


def build_services(
    config: Config,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    random: Callable[[int], bytes] = os.urandom,
) -> Services:
    """Nothing here connects to anything: database, chain and provider are reached when first used.

    Raises BadSetting, and BadTaxData: a slip in the tax rules stops the start and not a sale.
    """
    for read in (tax.rules, goods_kinds.exclusions, threshold.thresholds, vat_return.forms):
        read()
    chosen_post(config)  # a server that nobody could reach is noticed now, and not by whoever waits for mail
    keys = keyring.load(config.data_dir)
    rpc_url, timeout_s = config.chain_rpc_url, config.chain_timeout_s
    return Services(
        config=config,
        database=Database(config.database_url, pool_size=config.database_pool),
        keyring=keys,
        providers=_providers(config, keys, clock, random),
        heads=ChainHeads(rpc_url, timeout_s) if rpc_url else None,
        status_calls=StatusCalls(rpc_url, keys),
        relay=Relay(rpc_url, timeout_s=timeout_s, max_bytes=MAX_RELAYED_BYTES) if rpc_url else None,
        clock=clock,
        random=random,
    )


def create_app(services: Services) -> Flask:
    """Every door, each with its declared audience; starting fails where one is missing."""
    app = Flask(__name__, static_folder=None, template_folder="web/templates", root_path=_package_folder())
    app.config.update(
        SECRET_KEY=services.keyring.cookie,
        MAX_CONTENT_LENGTH=services.config.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=services.config.max_body_bytes,
        SESSION_COOKIE_NAME="stall-ledger",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=services.config.public_url.startswith("https:"),
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # it wants a Referer, which our pages keep to themselves
        RATELIMIT_HEADERS_ENABLED=True,  # Retry-After among them
        API_TITLE="Stall Ledger",
        API_VERSION="v1",
        OPENAPI_VERSION="3.0.3",
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.url_map.converters["int"] = _StoredNumber
    app.extensions["services"] = services
    app.extensions["live"] = _live(services)
    metrics.register(app)
    visitors.register(app)
    locale.register(app)
    assets.register(app)
    context.limiter.init_app(app)
    uploads.register(app)
    csrf = CSRFProtect(app)
    _register_doors(app, services, csrf)
    app.jinja_env.globals["config_sandbox"] = services.config.sandbox_on
    app.jinja_env.globals["sends_mail"] = services.config.sends_mail
    app.jinja_env.globals["shows_mail"] = demo_folder(services.config) is not None
    if services.config.trusted_proxies:
        hops = services.config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    errors.register(app)
    audience.require_audiences(app)
    return app


def _register_doors(app: Flask, services: Services, csrf: CSRFProtect) -> None:
    """Pages are guarded against forged posts; doors for programs carry no cookie worth forging."""
    pages = (
        shopper_blueprint,
        public_blueprint,
        log_blueprint,
        offline_blueprint,
        account_blueprint,
        binding_blueprint,
        records_blueprint,
        vendor_blueprint,
        market_blueprint,
        officer_blueprint,
    )
    for blueprint in pages:
        app.register_blueprint(blueprint)
    app.register_blueprint(notify.blueprint)
    csrf.exempt(notify.blueprint)
    app.register_blueprint(rpc_blueprint)
    csrf.exempt(rpc_blueprint)
    if services.config.sandbox_on:
        app.register_blueprint(notify.sandbox)
        csrf.exempt(notify.sandbox)
    if demo_folder(services.config):
        app.register_blueprint(mails_blueprint)
    api = _ProblemApi(app)
    programs = (
        api_blueprint,
        baskets_api,
        claims_api,
        people_api,
        vendor_api,
        market_api,
        supervision_api,
        complaints_api,
        allowances_api,
        cases_api,
        exports_api,
        returns_api,
    )
    for blueprint in programs:
        api.register_blueprint(blueprint)
        csrf.exempt(blueprint)
    spec: APISpec = api.spec
    for scheme in ("invoiceToken", "sessionToken"):
        spec.components.security_scheme(scheme, {"type": "http", "scheme": "bearer"})
    app.extensions["openapi"] = spec.to_dict


class _StoredNumber(IntegerConverter):
    """A number in an address: one that no column can hold leads nowhere, rather than to an error."""

    regex = "[0-9]{1,19}"

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=2**63 - 1)


class _ProblemApi(Api):
    """flask-smorest without its own error shape and its own document routes: ours are in `web/`."""

    def _register_error_handlers(self, *, is_blueprint: bool = False) -> None: ...
    def _register_doc_blueprint(self) -> None: ...


def _live(services: Services) -> Live:
    queries = {
        "order": lambda tokens: live_queries.order_marks(services, tokens),
        "invoice": lambda tokens: live_queries.invoice_marks(services, tokens),
        "vendor": lambda vendor_ids: live_queries.vendor_marks(services, vendor_ids),
        "market": lambda market_ids: market_queries.marks(services, market_ids),
    }
    config = services.config
    return Live(queries, poll_s=config.live_poll_ms / 1000, places=config.max_live_streams)


def _providers(
    config: Config, keys: keyring.Keyring, clock: Callable[[], datetime], random: Callable[[int], bytes]
) -> Mapping[str, PaymentProvider]:
    if not config.sandbox_on:
        return {}
    sandbox = SandboxProvider(
        base_url=config.sandbox_url,
        merchant_id=MERCHANT_ID,
        merchant_key=keys.merchant,
        service_public_key=config.data_dir / "sandbox" / "service.pub.pem",
        notify_url=f"{config.public_url}/payments/sandbox/notify",
        timeout_s=config.provider_timeout_s,
        max_age_s=config.notification_max_age_s,
        clock=clock,
        random=random,
    )
    return {sandbox.name: sandbox}


def _package_folder() -> str:
    return os.path.dirname(os.path.abspath(__file__))
