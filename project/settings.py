"""All settings of Strikewire. Each one that an operator may change is an environment variable, documented in
docs/operating.md; the defaults are a working installation for one machine.
"""

import hashlib
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from . import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.text("STRIKEWIRE_VAR", str(BASE_DIR / "var"))).expanduser().absolute()

# ── Security ──────────────────────────────────────────────────────────────────────────────────────────────────────────
DEBUG = env.flag("STRIKEWIRE_DEBUG", default=False)
SECRET_KEY = env.text("STRIKEWIRE_SECRET_KEY", "") or env.kept(VAR_DIR / "secret_key", 48)
SECRET_KEY_FALLBACKS = env.listed("STRIKEWIRE_SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = env.hosts("STRIKEWIRE_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
# Origins besides the page's own that may open /ws/stream/ and post forms: scheme, host and port.
CSRF_TRUSTED_ORIGINS = env.origins("STRIKEWIRE_TRUSTED_ORIGINS")
# Behind a proxy that ends TLS: how many proxies stand before us, whose X-Forwarded-* headers are then believed. They are
# read in project.forwarded alone: Django, REST framework and allauth are told what that found, as of the connection.
TRUSTED_PROXIES = env.whole("STRIKEWIRE_TRUSTED_PROXIES", 0, 0, 8)
HTTPS = env.flag("STRIKEWIRE_HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# ── Applications ──────────────────────────────────────────────────────────────────────────────────────────────────────
INSTALLED_APPS = [
    "marketdata",  # before Daphne: its `runserver` is Daphne's with what the stream asks for
    "project.daphne_app.DaphneConfig",  # before staticfiles, whose `runserver` serves no sockets
    "unfold",  # the admin's look: before the admin, whose templates it replaces
    "unfold.contrib.filters",
    "unfold.contrib.import_export",  # before import_export, likewise
    "django.contrib.admin.apps.SimpleAdminConfig",  # its pages are loaded with the routes: most processes have none
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "knox",
    "import_export",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "frontend",
]
MIDDLEWARE = [
    # Above what serves static files, which are told the same.
    "django.middleware.security.SecurityMiddleware",
    "frontend.security.ContentSecurityPolicyMiddleware",
    "frontend.security.PermissionsPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "frontend.static_files.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.key_rotation.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.own_sessions.LastSeenMiddleware",
]
ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
WSGI_APPLICATION = None
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before every application's own, so that allauth's pages have our look.
        "DIRS": [BASE_DIR / "frontend" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# ── Servers ───────────────────────────────────────────────────────────────────────────────────────────────────────────
# Every key, group and channel in Redis begins with this, so that two installations on one server never meet. Machines
# that share an installation share its secret key, and so have the same one without being told; the oldest key counts, so
# that a new one leaves the installation what it is.
_OLDEST_KEY = [SECRET_KEY, *SECRET_KEY_FALLBACKS][-1]
INSTALLATION = env.label("STRIKEWIRE_INSTALLATION", hashlib.sha256(_OLDEST_KEY.encode()).hexdigest()[:8])


def _embedded(name: str) -> str:
    """Where `manage.py up` puts the embedded Valkey called `name`: a Unix socket, so that no port can be taken."""
    socket = VAR_DIR / "run" / f"{name}.sock"
    if len(str(socket).encode()) > 100:  # the kernel takes 107 bytes
        socket = Path("/tmp") / f"strikewire-{hashlib.sha256(str(VAR_DIR).encode()).hexdigest()[:12]}" / f"{name}.sock"  # noqa: S108
    return f"unix://{quote(str(socket))}"


REDIS_URL = env.redis("REDIS_URL", _embedded("redis"))
# With a Redis of the operator's own and no second one named, the first carries the history too.
HISTORY_REDIS_URL = env.redis(
    "HISTORY_REDIS_URL", _embedded("history") if _embedded("redis") == REDIS_URL else REDIS_URL
)
# Where one server is not enough for the rows: a cluster. Empty where they are on the first server, with all the rest.
ROWS_REDIS_URL = env.cluster("ROWS_REDIS_URL", "REDIS_URL", REDIS_URL)
EMBEDDED_REDIS = _embedded("redis")
EMBEDDED_HISTORY_REDIS = _embedded("history")


def _postgresql_or(url: str, otherwise: str) -> str:
    return url if url.startswith("postgres") else otherwise


DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{quote(str(VAR_DIR / 'strikewire.sqlite3'))}")}
# Ticks and bars; not one of Django's databases, since nothing of it is joined with users or instruments. With a PostgreSQL
# of the operator's own and no second one named, that has tables for it too.
HISTORY_DATABASE_URL = env.database_url(
    "HISTORY_DATABASE_URL",
    _postgresql_or(env.text("DATABASE_URL", ""), f"sqlite:///{quote(str(VAR_DIR / 'history.sqlite3'))}"),
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": [REDIS_URL],  # as a text, Django would take it apart at its commas
        "KEY_PREFIX": f"{INSTALLATION}:cache",
        # redis-py would wait 5 s and try again for 10: a page must say sooner that Redis is down.
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2, "pool_class": "marketdata.bus.blocking.Pool"},
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "marketdata.bus.channel_layer.StreamChannelLayer",
        "CONFIG": {
            "hosts": [REDIS_URL],
            "prefix": INSTALLATION,
            "rows": ROWS_REDIS_URL,
            # For the tests that show what happens without it: never switch off what repairs a loss.
            "resynchronise": env.flag("STRIKEWIRE_RESYNCHRONISE", default=True),
        },
    }
}

# ── Stream ────────────────────────────────────────────────────────────────────────────────────────────────────────────
STREAM_MESSAGE_BYTES = 65_536
STREAM_SYMBOLS_PER_CONNECTION = env.whole("STRIKEWIRE_SYMBOLS_PER_CONNECTION", 2_000, 1, 100_000)
STREAM_CONNECTIONS_PER_USER = env.whole("STRIKEWIRE_CONNECTIONS_PER_USER", 32, 1, 100_000)
STREAM_MESSAGES_PER_10_S = env.whole("STRIKEWIRE_MESSAGES_PER_10_S", 60, 1, 100_000)

# ── Feeds ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
FEEDS = {
    "simulated": {
        "quotes_per_second": env.whole("STRIKEWIRE_SIMULATED_QUOTES_PER_SECOND", 500, 1, 1_000_000),
        "seed": env.whole("STRIKEWIRE_SIMULATED_SEED", 1, 0, 2**31 - 1),
    },
    "replay": {
        "file": env.text("STRIKEWIRE_REPLAY_FILE", ""),
        # Times the recorded pace; 0 is as fast as possible.
        "speed": env.number("STRIKEWIRE_REPLAY_SPEED", 1, 0, 1_000_000),
        "loop": env.flag("STRIKEWIRE_REPLAY_LOOP", default=True),
    },
    "deribit": {
        "url": env.socket_url("STRIKEWIRE_DERIBIT_URL", "wss://www.deribit.com/ws/api/v2"),
        "currencies": env.listed("STRIKEWIRE_DERIBIT_CURRENCIES", ("BTC", "ETH")),
        "interval": env.choice("STRIKEWIRE_DERIBIT_INTERVAL", "100ms", ("raw", "100ms", "agg2")),
        "instruments_per_connection": env.whole("STRIKEWIRE_DERIBIT_INSTRUMENTS_PER_CONNECTION", 500, 1, 2_000),
        "connections": env.whole("STRIKEWIRE_DERIBIT_CONNECTIONS", 4, 1, 30),
    },
}
# ── History ───────────────────────────────────────────────────────────────────────────────────────────────────────────
# Whether ingest appends what it accepts to the history stream, for `manage.py record_history`.
RECORD_HISTORY = env.flag("STRIKEWIRE_RECORD_HISTORY", default=True)
# A replay's quotes are of another time: they are recorded only where that is asked for.
RECORD_REPLAY = env.flag("STRIKEWIRE_RECORD_REPLAY", default=False)
# What the stream may hold while nothing reads it, in MB; beyond, its oldest batches go, as a recorded gap.
HISTORY_STREAM_MB = env.whole("STRIKEWIRE_HISTORY_STREAM_MB", 512, 1, 1_000_000)
# What ingest may keep on its own disk while the history server is away, in MB.
HISTORY_SPILL_MB = env.whole("STRIKEWIRE_HISTORY_SPILL_MB", 1_024, 1, 1_000_000)
# How long ticks and bars are kept, in days, and how large the whole may be, in GB; 0 is without end.
HISTORY_TICK_DAYS = env.whole("STRIKEWIRE_HISTORY_TICK_DAYS", 0, 0, 36_500)
HISTORY_BAR_DAYS = env.whole("STRIKEWIRE_HISTORY_BAR_DAYS", 0, 0, 36_500)
HISTORY_MOST_GB = env.number("STRIKEWIRE_HISTORY_MOST_GB", 2, 0, 1_000_000)

# ── Accounts ──────────────────────────────────────────────────────────────────────────────────────────────────────────
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
# Who may make an account: anybody, who has an invitation, or nobody but the administrators for them.
SIGN_UP = env.choice("STRIKEWIRE_SIGN_UP", "closed", ("open", "invitation", "closed"))
EMAIL_VERIFICATION = env.choice("STRIKEWIRE_EMAIL_VERIFICATION", "optional", ("none", "optional", "mandatory"))
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = [
    "username*",
    "email" if EMAIL_VERIFICATION == "none" else "email*",
    "password1*",
    "password2*",
]
ACCOUNT_EMAIL_VERIFICATION = EMAIL_VERIFICATION
# An address belongs to one account once it is confirmed; signing up never says that there is one already.
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True  # in the browser that just signed up, and no other
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Strikewire] "
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_FORMS = {
    "login": "accounts.sign_in.SignInForm",
    "signup": "accounts.sign_up.SignUpForm",
    "add_email": "accounts.email_pages.EmailForm",
    "change_password": "accounts.passwords.ChangeForm",
    "set_password": "accounts.passwords.SetForm",
    "reset_password": "accounts.passwords.ResetForm",
    "reset_password_from_key": "accounts.passwords.NewPasswordForm",
    "reauthenticate": "accounts.passwords.AgainForm",
}
FORM_RENDERER = "accounts.fields.Renderer"  # of every form: the first field that is wrong has the focus
# Attempts are counted by accounts.lock_out, which can say how long to wait.
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False
MFA_ADAPTER = "accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1  # clocks of telephones differ by some seconds
# Where addresses have to be confirmed nobody is signed in before; elsewhere an address is not what protects an account.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "authenticate": "accounts.second_factor.CodeForm",
    "reauthenticate": "accounts.second_factor.CodeAgainForm",
    "activate_totp": "accounts.second_factor.ActivateForm",
    "authenticate_webauthn": "accounts.passkeys.SecondKeyForm",
    "reauthenticate_webauthn": "accounts.passkeys.KeyAgainForm",
    "login_webauthn": "accounts.passkeys.SignInKeyForm",
    "add_webauthn": "accounts.passkeys.AddKeyForm",
    "edit_webauthn": "accounts.passkeys.RenameKeyForm",
}
_MAIL = env.mail("STRIKEWIRE_EMAIL_URL", "console://")
EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT = _MAIL["backend"], _MAIL["host"], _MAIL["port"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL["user"], _MAIL["password"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL["starttls"], _MAIL["tls"]
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.sender("STRIKEWIRE_EMAIL_FROM", "Strikewire <strikewire@localhost.localdomain>")
SESSION_ENGINE = "django.contrib.sessions.backends.db"
# Feeds that every signed-in user may see; any other needs a grant to one of the user's groups.
OPEN_FEEDS = env.names("STRIKEWIRE_OPEN_FEEDS", ("simulated", "replay", "deribit"))
# How long an API token lives when its maker does not say; 0 is for ever.
TOKEN_DAYS = env.whole("STRIKEWIRE_TOKEN_DAYS", 90, 0, 3650)

# ── REST ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
REST_REQUESTS_PER_MINUTE = env.whole("STRIKEWIRE_REQUESTS_PER_MINUTE", 600, 1, 10_000_000)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "marketdata.rest.scopes.TokenScopes",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["marketdata.rest.parser.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "marketdata.rest.operation.Operation",
    "DEFAULT_FILTER_BACKENDS": [],
    "DEFAULT_PAGINATION_CLASS": None,
    # OPTIONS would describe a resource in words of its own; the schema does.
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_THROTTLE_CLASSES": ["marketdata.rest.throttle.UserThrottle"],
    "NUM_PROXIES": 0,
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "marketdata.rest.problems.handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105 # a model, no secret
REST_KNOX = {"TOKEN_MODEL": "accounts.ApiToken", "TOKEN_TTL": timedelta(days=TOKEN_DAYS) if TOKEN_DAYS else None}
SPECTACULAR_SETTINGS = {
    "TITLE": "Strikewire",
    "DESCRIPTION": "Options market data: instruments, live quotes and chains, history, watchlists and the way to the "
    "stream. Every error is an RFC 9457 problem. A call needs a session, with the CSRF header where it changes something, "
    "or an API token. Requests are counted by user: `RateLimit-*` say what is left, as in "
    "draft-ietf-httpapi-ratelimit-headers-06.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated", "marketdata.rest.scopes.TokenScopes"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "FeedKindEnum": "marketdata.rest.live.FEED_KINDS",
        "KindEnum": "marketdata.models.Instrument.Kind",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "marketdata.rest.schema.add_problems",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# ── Administration ────────────────────────────────────────────────────────────────────────────────────────────────────
UNFOLD = {
    "SITE_TITLE": "Strikewire",
    "SITE_HEADER": "Strikewire",
    "SITE_SUBHEADER": "Administration",
    "SITE_URL": "/",
    "SITE_SYMBOL": "bolt",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {
        "show_search": True,
        # What a person may look at; all else of the applications is no business of an administrator's.
        "show_all_applications": False,
        "navigation": "marketdata.admin.menu.navigation",
    },
    "DASHBOARD_CALLBACK": "marketdata.admin.overview.fill",
}
# An upload waits for its confirmation where every web process finds it.
IMPORT_EXPORT_TMP_STORAGE_CLASS = "import_export.tmp_storages.CacheStorage"

# ── Language, time, files ─────────────────────────────────────────────────────────────────────────────────────────────
LANGUAGE_CODE = "en-us"
# Dates that nobody can take for others, and times that say their zone.
FORMAT_MODULE_PATH = "project.formats"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
FRONTEND_BUILD = BASE_DIR / "frontend" / "static" / "build"
# Served straight from the applications' folders: no STATIC_ROOT, no collect step between an edit and a page, nor at start.
WHITENOISE_USE_FINDERS = True
# Vite puts a hash of its content into the name of every file it builds.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/build/.+\.[0-9a-f]{12}\.\w+$"
WHITENOISE_ALLOW_ALL_ORIGINS = False

# ── Logs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
LOG_LEVEL = env.choice("STRIKEWIRE_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"one_line": {"()": "project.server_down.OneLine"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        # It warns of every 4xx, with the path: a stranger's typing error is no news, and what was asked for is private.
        "django.request": {"level": "ERROR", "filters": ["one_line"]},
        "strikewire": {"level": LOG_LEVEL},
        "marketdata": {"level": LOG_LEVEL},
        "accounts": {"level": LOG_LEVEL},
        "project": {"level": LOG_LEVEL},
    },
}
