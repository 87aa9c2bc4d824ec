"""How a device logs in to the MQTT broker."""

from catflap.web.authentication import CurrentDevice, ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.schemas.device_mqtt import MqttLoginResource
from catflap.web.schemas.problems import DEVICE, problems

router = new_router("/v1/device", tag="devices")


@router.get(
    "/mqtt",
    operation_id="getMqttLogin",
    summary="How the device logs in to the MQTT broker",
    response_description="Address, user name and password.",
    responses=problems(*DEVICE, "mqtt_off", "not_found"),
)
async def mqtt_login(device: CurrentDevice, services: ServicesDep) -> MqttLoginResource:
    """Return the login of a device that was paired with the channel `mqtt` or `mqtt_play`.

    Its client id is the user name. The password is another one when the device's token is.
    """
    return MqttLoginResource.of(await services.mqtt_logins.of_device(device.id))
