"""python -m cocos_demo translate | prepare | train | evaluate"""

import sys

from cocos_demo.cli import main

sys.exit(main())
