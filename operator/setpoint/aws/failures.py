"""What went wrong with a call, from botocore's exception."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from setpoint.api.conditions import Reason
from setpoint.aws.errors import classify, classify_assume
from setpoint.engine.failure import Failure

_NO_CREDENTIALS = (
    CredentialRetrievalError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)


def failure_of(
    error: ClientError | BotoCoreError | OSError, what: str, role: str | None
) -> Failure:
    """`what` names the call, for people; `role` is the one that it was made with, if any."""
    if isinstance(error, ClientError):
        return _refusal(error, what, role)
    # botocore's own timeouts are OSErrors too; any other one is of a file with credentials.
    if isinstance(error, _NO_CREDENTIALS) or not isinstance(error, BotoCoreError):
        return Failure(
            Reason.AUTHENTICATION_FAILED,
            f"the operator cannot get AWS credentials of its own ({type(error).__name__}): give "
            "its service account a role (IRSA or EKS Pod Identity)",
        )
    if isinstance(error, ParamValidationError):
        return Failure(Reason.REJECTED, f"the values of the spec do not fit {what}")
    return Failure(
        Reason.CONNECTION_FAILED,
        f"AWS could not be reached for {what} ({type(error).__name__})",
    )


def _refusal(error: ClientError, what: str, role: str | None) -> Failure:
    """AWS has answered, and said no."""
    body = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    code, text = str(body.get("Code", "")), str(body.get("Message", ""))
    if role is not None and error.operation_name == "AssumeRole":
        return classify_assume(role, code, text, status)
    return classify(what, code, text, status)
