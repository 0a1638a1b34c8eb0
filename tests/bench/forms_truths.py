"""What is known of the real files of the folder that `tests.bench.forms` reads: values that others have read.

Pixels are divided by an image of 1 x 1, so that they can be compared as they stand in the files.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

PIXELS = {"image_size": (1, 1)}


class Truth(NamedTuple):
    """Coordinates of a joint of a body, with its confidence where there is one."""

    frame: int
    joint: int
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A source: its files, how they are read, what must be found."""

    source: str
    files: tuple[str, ...]
    form: str | None = None
    """The form that a definition must say, where the contents do not tell it."""
    layout: str | None = None
    spec: dict[str, Any] = field(default_factory=dict)
    frames: int | None = None
    truths: tuple[Truth, ...] = ()
    refused: str | None = None
    """A part of the reason."""


def at(frame: int, joint: int, *values: float) -> Truth:
    """A truth, in short."""
    return Truth(frame, joint, values)


_OP, _KINECT = "01_openpose", "07_kinect"
_MP = "06_mediapipe"
CASES = (
    Case(
        source="openpose/CJayM", files=(f"{_OP}/CJayM_openpose2spine/*/*.json",), spec=PIXELS, frames=29,
        truths=(at(0, 0, 298.092, 240.045, 0.570029), at(0, 1, 330.783, 210.988, 0.453059)),
    ),
    Case(
        source="openpose/Simurgh818 keypoints", files=(f"{_OP}/Simurgh818_BMI500/keypoints.json",),
        spec=PIXELS, frames=1,
        truths=(at(0, 0, 839.275, 274.261, 0.917512), at(0, 18, 0, 0, 0)),
    ),
    Case(
        source="openpose/Simurgh818 no people", files=(f"{_OP}/Simurgh818_BMI500/output_json/*.json",),
        refused="no body in any of 2 frames",
    ),
    Case(
        source="openpose/Simurgh818 empty files", files=(f"{_OP}/Simurgh818_BMI500/gait-json/json/*/*.json",),
        refused="no body in any of 3 frames (3 of the files are empty)",
    ),
    Case(
        source="openpose/kembr", files=(f"{_OP}/kembr_openpose-pipeline/*/*.json",), spec=PIXELS, frames=40,
        truths=(at(0, 0, 437.738, 66.9988, 0.88151),),
    ),
    Case(
        source="mediapipe/hiyorin350", files=(f"{_MP}/hiyorin350_dance/*.json",), frames=30,
        truths=(at(0, 0, 0.7985898, 0.3228749, 0.9999788),),
    ),
    Case(
        source="mediapipe/Ash1708", files=(f"{_MP}/Ash1708_*/*.csv",), frames=35,
        truths=(at(0, 0, 0.4910227, 0.0931320, 0.9998599),),
    ),
    Case(
        source="mediapipe/Batma101", files=(f"{_MP}/Batma101_poses_long/*.csv",), frames=20,
        truths=(at(0, 0, 0.6488714, 0.6095399, 0.9980663),),
    ),
    Case(source="mediapipe/mikaeltje", files=(f"{_MP}/mikaeltje_ai-cam/*.json",), refused="no motion, and so no clip"),
    *(
        Case(
            source=f"mediapipe/traduttore {name}", files=(f"{_MP}/traduttore_*/LETTER_Data/{name}/*.npy",), frames=20,
            truths=(truth,),
        )
        for name, truth in (
            ("a/0", at(6, 21, 0.386434555, 0.762357593)),
            ("a/1", at(0, 21, 0.335790038, 0.664743066)),
            ("b/0", at(0, 21, 0.524102330, 0.680924535)),
            ("b/1", at(0, 21, 0.491521120, 0.781036019)),
        )
    ),
    Case(
        source="mediapipe/Samcoding5854", files=(f"{_MP}/Samcoding5854_LSTM/MP_Data/jumping/0/*.npy",), frames=30,
        truths=(at(0, 0, 0.4790592, 0.3447454),),
    ),
    Case(
        source="tfjs/pose_squats", files=("18_apple_posenet_tfjs/tensorflow_tfjs-models/pose_squats.full.json",),
        spec=PIXELS, frames=65, truths=(at(0, 0, 360.1001644, 238.0519485),),
    ),
    Case(
        source="tfjs/pose_1", files=("18_apple_posenet_tfjs/tensorflow_tfjs-models/pose_1.json",), spec=PIXELS,
        frames=120, truths=(at(0, 0, 287.7723427, 203.7671356),),
    ),
    Case(
        source="tfjs/posenet README", files=("18_apple_posenet_tfjs/tensorflow_posenet_README/*.json",), spec=PIXELS,
        frames=1, truths=(at(0, 0, 253.36747741699, 76.291801452637, 0.99539834260941),),
    ),
    Case(
        source="apple/vision", files=("18_apple_posenet_tfjs/apple_vision_points_request/*.json",), frames=1,
        layout=None, truths=(at(0, 15, 0.7394133, 1 - 0.6004707, 0.9301758),),
    ),
    Case(
        source="kinect/LGuilhermeRodrigues",
        files=(f"{_KINECT}/LGuilhermeRodrigues_kinect/json_frames/1/KickLeft/855.json",),
        frames=34, truths=(at(0, 0, 0.132530361, -0.08307667, 2.86365914),),
    ),
    Case(
        source="kinect/LGuilhermeRodrigues empty",
        files=("07_kinect/LGuilhermeRodrigues_kinect/json_frames/1/Climb/620.json",),
        refused="no frame",
    ),
    Case(
        source="mmpose/vlasakjiri", files=("02_mmpose/vlasakjiri_mmpose/*/*.json",), spec=PIXELS, frames=40,
        truths=(at(0, 0, 986.7015991, 188.1076203, 0.9333604),),
    ),
    Case(
        source="mmpose/esas4", files=("02_mmpose/esas4_mdc_walk1/*/*.json",), spec=PIXELS, frames=6,
        truths=(at(0, 0, 363.8656006, 532.1415405, 0.9656629),),
    ),
    Case(
        source="alphapose/jackthgu", files=("03_alphapose/jackthgu_MotionBERT/*.json",), spec=PIXELS, frames=59,
        truths=(at(0, 0, 191.7313538, 194.5700989, 0.9152889),),
    ),
    Case(
        source="alphapose/akshaykadam771", files=("03_alphapose/akshaykadam771/*/*/*.json",), spec=PIXELS, frames=100,
        truths=(at(0, 0, 672.9366455, 421.7348328, 0.9039987),),
    ),
    Case(
        source="alphapose/MVIG-SJTU PoseFlow", files=("03_alphapose/MVIG-SJTU_AlphaPose/*/*/*.json",), spec=PIXELS,
        frames=1, truths=(at(0, 0, 606.1139178, 1055.7866631, 0.1285074),),
    ),
    Case(
        source="coco/lilytttt", files=("04_coco_results/lilytttt_COMP7606-MMPose/*.json",), spec=PIXELS,
        truths=(at(0, 0, 231.6542969, 149.1035156, 0.9383226),),
    ),
    Case(
        source="coco/talmolab flat_images", files=("04_coco_results/talmolab_sleap-io.js/flat_images/*.json",),
        spec=PIXELS, frames=3, truths=(at(0, 0, 100, 100, 1), at(2, 0, 100, 200, 1)),
    ),
    Case(
        source="coco/talmolab ternary", files=("04_coco_results/talmolab_sleap-io.js/visibility_ternary/*.json",),
        spec=PIXELS, truths=(at(0, 0, 110, 145, 0),),
    ),
    Case(
        source="yolo/jaybee520", files=("05_yolo/jaybee520_study_yolo11/runs/pose/predict/labels/*.txt",), frames=1,
        truths=(at(0, 0, 0, 0, 0), at(0, 5, 0.508022, 0.461893, 0.875042)),
    ),
    Case(
        source="yolo/zamaraevnikita frames", files=("05_yolo/zamaraevnikita_yolo/keypoints.json",), spec=PIXELS,
        frames=25, truths=(at(0, 0, 1031.7830811, 124.0441589), at(0, 1, 0, 0, 0)),
    ),
    Case(
        source="yolo/zamaraevnikita one", files=("05_yolo/zamaraevnikita_yolo/yolo/keypoints.json",), spec=PIXELS,
        frames=1, truths=(at(0, 0, 526.63763, 101.44129),),
    ),
    Case(
        source="yolo/zamaraevnikita txt", files=("05_yolo/zamaraevnikita_yolo/yolo/keypoints.txt",), spec=PIXELS,
        layout="coco17", frames=1, truths=(at(0, 0, 526.63763, 101.44129),),
    ),
    Case(
        source="kinect/nguyensmai Keraal", files=(f"{_KINECT}/nguyensmai_Keraal_Kinect/*.txt",), frames=60,
        truths=(at(0, 0, 0.303935, -0.597671, 3.060776),),
    ),
    Case(
        source="kinect/SWENG MSRC-12", files=(f"{_KINECT}/SWENG_MSRC12/*.csv",),
        truths=(at(-1, 0, -0.160255, 0.101807, 3.109864),),
    ),
    Case(
        source="kinect/Mabdou11 KARD", files=(f"{_KINECT}/Mabdou11_KARD/*/*.txt",), layout="kard15", frames=86,
        truths=(at(0, 0, 0.13346135, 0.5622903, 2.6876377),),
    ),
    Case(
        source="nuitrack/Davide-Ferrari", files=("08_nuitrack/*/*/*/*/*.csv",),
        truths=(at(0, 0, -0.0203231, 0.295174, 2.20322),),
    ),
    Case(
        source="dlc/openfield csv", files=("09_dlc_sleap/DeepLabCut_openfield/*/*/*.csv",), spec=PIXELS,
        frames=None, truths=(at(0, 0, 21.521, 265.428),),
    ),
    Case(
        source="dlc/openfield h5", files=("09_dlc_sleap/DeepLabCut_openfield/*/*/*.h5",), spec=PIXELS, frames=116,
        truths=(at(0, 0, 21.521, 265.428),),
    ),
    Case(
        source="dlc/talmolab v2", files=("09_dlc_sleap/talmolab_sleap_dlc/*/*/dlc_testdata_v2.csv",), spec=PIXELS,
        frames=4, truths=(at(1, 0, 12, 13), at(1, 2, 15, 16)),
    ),
    Case(
        source="dlc/talmolab multi", files=("09_dlc_sleap/talmolab_sleap_dlc/*/*/madlc_testdata.csv",), spec=PIXELS,
        frames=4, truths=(at(1, 0, 12, 13), at(1, 1, 0, 0, 0), at(1, 2, 20, 21)),
    ),
    Case(
        source="dlc/talmolab multi unique", files=("09_dlc_sleap/talmolab_sleap_dlc/*/*/maudlc_testdata_v2.csv",),
        spec=PIXELS, frames=4, truths=(at(1, 0, 12, 13),),
    ),
    *(
        Case(
            source=f"sleap/{name}",
            files=(f"09_dlc_sleap/talmolab_sleap-io.js_analysis/{name}.analysis.h5",),
            spec=PIXELS,
            frames=frames,
            truths=truths,
        )
        for name, frames, truths in (
            ("multi_matlab", 3, (at(0, 0, 100, 200, 0.9), at(1, 0, 101), at(2, 0, 102))),
            ("untracked_multi_standard", 5, (at(0, 0, 10, 20), at(0, 1, 30, 40), at(0, 0, 100, 200, 0.8))),
            ("legacy_nodims", 3, (at(0, 1, 150, 250, 0.85), at(2, 0, 102))),
        )
    ),
    Case(source="sleap/slp", files=("09_dlc_sleap/talmolab_sleap_slp/*/*.slp",), refused="sleap-convert"),
    Case(
        source="sleap/csv", files=("09_dlc_sleap/talmolab_sleap_slp/csv_format/*.csv",), spec=PIXELS, frames=1,
        truths=(at(0, 0, 205.9300540, 187.8896402, 1),),
    ),
    Case(
        source="freemocap/labrat57", files=("10_freemocap/*/*/*.csv",), spec={"unit_m": 0.001}, frames=80,
        truths=(at(0, 0, 0.8229807260335234),),
    ),
    Case(
        source="bvh/20tab", files=("11_bvh/20tab_bvh-python/*/*.bvh",), frames=200,
        truths=(at(0, 0, -0.440003, 0.935663, 2.290256),),
    ),
    Case(
        source="bvh/andres-fr", files=("11_bvh/andres-fr_blender-mvnx-io/*/*/*.bvh",), frames=112,
        truths=(at(0, 0, 0, 0.86390162, 0),),
    ),
    Case(
        source="bvh/fairmotion", files=("11_bvh/facebookresearch_fairmotion/*/*/*.bvh",), frames=120,
        truths=(at(0, 0, -0.04, 0.06, 0.05),),
    ),
    Case(
        source="c3d/felixchenier", files=("12_c3d_trc/felixchenier_kineticstoolkit/*/*/*.c3d",),
        spec={"unit_m": 1.0000001, "up": "y"}, truths=(at(0, 0, 18.69214, 28.40046, -107.08132),),
    ),
    Case(
        source="c3d/Prakyathkantharaju", files=("12_c3d_trc/Prakyathkantharaju_dash-freemocap/*/*.c3d",), frames=60,
        truths=(at(0, 0, 0.41481210, 1.69771045, -0.99031165),),
    ),
    Case(
        source="trc/walk_free_03", files=("12_c3d_trc/opensim-core_trc/Subject01/*/*.trc",), frames=73,
        truths=(at(0, 0, 0.575956730, 1.046106930, 0.122412450),),
    ),
    Case(
        source="trc/NaNs", files=("12_c3d_trc/opensim-core_trc/*.trc",),
        truths=(at(0, 0, 0.175798014, -0.333753526, 0.033121135),),
    ),
    Case(source="amass/human_body_prior", files=("13_amass_smpl/nghorbani*/*/*/*.npz",), refused="smplx"),
    Case(source="amass/mosh", files=("13_amass_smpl/open-mmlab*/*/*/*/*.npz",), refused="smplx"),
    Case(
        source="ntu npy/gardiens", files=("14_msr_ntu_ucla_utd/gardiens*/*/*.npy",), frames=103,
        truths=(at(0, 0, 0.2181153, 0.1725972, 3.785547),),
    ),
    Case(
        source="nw_ucla", files=("14_msr_ntu_ucla_utd/nw_ucla/a01_s01_e00_v01.json",), frames=44,
        truths=(at(0, 0, -0.619699, 0.328046, 3.18186),),
    ),
    Case(
        source="msr_action3d", files=("14_msr_ntu_ucla_utd/msr_action3d/a01_s01_e01_skeleton3D.txt",), layout="msr20",
        frames=54, truths=(at(0, 0, -0.371736, 0.371031, 2.674849),),
    ),
    Case(
        source="utd_mhad", files=("14_msr_ntu_ucla_utd/utd_mhad/a10_s1_t1_skeleton.mat",), frames=76,
        truths=(at(0, 0, -0.1248653, 0.4934907, 2.8760662),),
    ),
    Case(
        source="videopose3d/filipkro", files=("15_h36m_videopose3d/filipkro*/*/*.npz",), spec=PIXELS, frames=60,
        truths=(at(0, 0, 487.6133423, 20.5135536),),
    ),
    Case(
        source="videopose3d/bargav25", files=("15_h36m_videopose3d/bargav25*/*/*/*/*/*.npz",), spec=PIXELS, frames=185,
        truths=(at(0, 0, 631.4959, 443.3141),),
    ),
    Case(source="pyskl/mmaction2", files=("16_pyskl/*/*/*/*/*.pkl",), refused=""),
    Case(source="motive/pathviewR", files=("17_vicon*/vbaliga*/*/*/*.csv",), refused="export the skeleton"),
    Case(
        source="xsens/mvnx", files=("17_vicon*/andres*/*/*/*.mvnx",), frames=25,
        truths=(at(0, 0, 0, -0.000657, 0), at(1, 0, 0.000311, -0.000553, -0.002689)),
    ),
    Case(
        source="sbu/askmuhsin", files=("19_sbu*/askmuhsin_SBU/*/*.txt",), frames=21,
        truths=(at(0, 0, 0.62886, 0.34175),),
    ),
    Case(
        source="cad60/Mabdou11", files=("19_sbu*/Mabdou11_CAD60/*/*.txt",),
        truths=(at(0, 0, 0.0203, 0.4956, 2.1618),),
    ),
    Case(
        source="florence/Mabdou11", files=("19_sbu*/Mabdou11_Florence/*/*.txt",), layout="florence15", frames=12,
        truths=(at(0, 0, 0.0344634627, 0.6452500610, 2.4059975586),),
    ),
)  # fmt: skip
